"""An encoder with its masked-language-model head: loading one, and the parts that a loss uses."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import AutoConfig, AutoModelForMaskedLM, PreTrainedModel

from starbench.encoders.families import FAMILIES, head_of, layers_path, part, pretrainable
from starbench.errors import InputError

log = logging.getLogger(__name__)


def load_masked_lm(folder: Path) -> PreTrainedModel:
    """Return the masked language model in a folder, in float32.

    A head that the folder lacks is random, by torch's generator. Raises InputError for a model
    of a family without a head here, or that lacks weights of the encoder.
    """
    found = AutoConfig.from_pretrained(folder)
    head = FAMILIES[found.model_type].head if found.model_type in FAMILIES else None
    if head is None:
        raise InputError(f"{folder}: {pretrainable(found.model_type)}")
    masked_lm, loading = AutoModelForMaskedLM.from_pretrained(
        folder, dtype=torch.float32, output_loading_info=True
    )
    own = f"{head.encoder}."
    if absent := sorted(key for key in loading["missing_keys"] if key.startswith(own)):
        raise InputError(f"{folder}: the checkpoint lacks {len(absent)} weights, e.g. {absent[0]}")
    if any(key.startswith(f"{head.dense}.") for key in loading["missing_keys"]):
        log.info("%s has no masked-language-model head: it starts from random weights", folder)
    loaded: PreTrainedModel = masked_lm
    return loaded


def first_layer(masked_lm: PreTrainedModel) -> nn.Module:
    """Return the encoder's first transformer layer."""
    layer: nn.Module = part(masked_lm, ".".join(layers_path(masked_lm)))[0]
    return layer


def projection(masked_lm: PreTrainedModel) -> tuple[Tensor, Tensor]:
    """Return weight and bias of the projection to the vocabulary.

    The weight is that of the word embeddings. A projection without bias has one of zeros.
    """
    linear = masked_lm.get_submodule(head_of(masked_lm).projection)
    assert isinstance(linear, nn.Linear)
    weight = linear.weight
    return weight, weight.new_zeros(len(weight)) if linear.bias is None else linear.bias


def transformed(masked_lm: PreTrainedModel, states: Tensor, dim: int) -> Tensor:
    """Return T_d, the head's transform of the first `dim` columns: (..., W) to (..., W)."""
    head = head_of(masked_lm)
    dense, norm = part(masked_lm, head.dense), part(masked_lm, head.norm)
    activation: Any = F.gelu if head.activation is None else part(masked_lm, head.activation)
    out: Tensor = norm(activation(F.linear(states[..., :dim], dense.weight[:, :dim], dense.bias)))
    return out
