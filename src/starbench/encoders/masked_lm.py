"""An encoder with its masked-language-model head: loading one, and the parts that a loss uses."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import AutoConfig, BertForMaskedLM

from starbench.encoders.families import FAMILIES, head_of, layers_path, pretrainable
from starbench.errors import InputError

log = logging.getLogger(__name__)


def load_masked_lm(folder: Path) -> BertForMaskedLM:
    """Return the masked language model in a folder, in float32.

    A head that the folder lacks is random, by torch's generator. Raises InputError for a model
    that is no BERT or lacks weights of the encoder.
    """
    found = AutoConfig.from_pretrained(folder)
    head = FAMILIES[found.model_type].head if found.model_type in FAMILIES else None
    if head is None:
        raise InputError(f"{folder}: {pretrainable(found.model_type)}")
    masked_lm, loading = BertForMaskedLM.from_pretrained(
        folder, dtype=torch.float32, output_loading_info=True
    )
    own = f"{head.encoder}."
    if absent := sorted(key for key in loading["missing_keys"] if key.startswith(own)):
        raise InputError(f"{folder}: the checkpoint lacks {len(absent)} weights, e.g. {absent[0]}")
    if any(key.startswith(head.transform) for key in loading["missing_keys"]):
        log.info("%s has no masked-language-model head: it starts from random weights", folder)
    return masked_lm


def first_layer(masked_lm: BertForMaskedLM) -> Any:
    """Return the encoder's first transformer layer."""
    depth = int(masked_lm.config.num_hidden_layers)
    return masked_lm.get_submodule(".".join(layers_path(masked_lm, depth)))[0]  # type: ignore[index]


def projection(masked_lm: BertForMaskedLM) -> nn.Linear:
    """Return the projection to the vocabulary, whose weights are the word embeddings."""
    linear = masked_lm.get_submodule(head_of(masked_lm).projection)
    assert isinstance(linear, nn.Linear)
    return linear


def transformed(masked_lm: BertForMaskedLM, states: Tensor, dim: int) -> Tensor:
    """Return T_d, the head's transform of the first `dim` columns: (..., W) to (..., W)."""
    head: Any = masked_lm.get_submodule(head_of(masked_lm).transform)
    weight, bias = head.dense.weight[:, :dim], head.dense.bias
    out: Tensor = head.LayerNorm(head.transform_act_fn(F.linear(states[..., :dim], weight, bias)))
    return out
