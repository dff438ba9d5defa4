"""A backbone from scratch: a model of random weights and a tokenizer of the run's own text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from transformers import (
    AutoConfig,
    AutoModelForMaskedLM,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)

from starbench.config.backbones import Architecture
from starbench.draws import key_of
from starbench.stages.pretrain.tokenizer import train_tokenizer

MPNET_PADDING = 1
"""The id that MPNet takes for padding, whatever its config says."""


def from_scratch(
    architecture: Architecture, texts: Sequence[str], seed: int
) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """Return a model with random weights, a function of the seed, and a tokenizer of the texts."""
    padding = MPNET_PADDING if architecture.family == "mpnet" else 0
    tokenizer = train_tokenizer(texts, architecture.vocabulary, architecture.max_positions, padding)
    torch.manual_seed(key_of(seed, "pretrain", "weights") % 2**63)
    keys = KEYS[architecture.family](architecture, tokenizer)
    config = AutoConfig.for_model(
        architecture.family,
        vocab_size=len(tokenizer),
        pad_token_id=tokenizer.pad_token_id,
        **keys,
    )
    model: PreTrainedModel = AutoModelForMaskedLM.from_config(config)
    return model, tokenizer


def _shape(made: Architecture) -> dict[str, Any]:
    """Return the keys of an encoder's shape, as most families call them."""
    return {
        "hidden_size": made.width,
        "num_hidden_layers": made.layers,
        "num_attention_heads": made.heads,
        "intermediate_size": made.intermediate,
        "max_position_embeddings": made.max_positions,
    }


def _bert(made: Architecture, tokenizer: PreTrainedTokenizerBase) -> dict[str, Any]:
    return _shape(made) | {
        "hidden_dropout_prob": made.dropout,
        "attention_probs_dropout_prob": made.dropout,
    }


def _behind_padding(made: Architecture, tokenizer: PreTrainedTokenizerBase) -> dict[str, Any]:
    """Return the keys of an encoder that counts positions from behind the id of its padding."""
    return _bert(made, tokenizer) | {
        "max_position_embeddings": made.max_positions + tokenizer.pad_token_id + 1,
        "bos_token_id": tokenizer.cls_token_id,
        "eos_token_id": tokenizer.sep_token_id,
    }


def _roberta(made: Architecture, tokenizer: PreTrainedTokenizerBase) -> dict[str, Any]:
    return _behind_padding(made, tokenizer) | {"type_vocab_size": 1}


def _distilbert(made: Architecture, tokenizer: PreTrainedTokenizerBase) -> dict[str, Any]:
    return {
        "dim": made.width,
        "n_layers": made.layers,
        "n_heads": made.heads,
        "hidden_dim": made.intermediate,
        "max_position_embeddings": made.max_positions,
        "dropout": made.dropout,
        "attention_dropout": made.dropout,
    }


def _modernbert(made: Architecture, tokenizer: PreTrainedTokenizerBase) -> dict[str, Any]:
    first, last = tokenizer.cls_token_id, tokenizer.sep_token_id
    return _shape(made) | {
        "embedding_dropout": made.dropout,
        "attention_dropout": made.dropout,
        "mlp_dropout": made.dropout,
        **{"cls_token_id": first, "bos_token_id": first},
        **{"sep_token_id": last, "eos_token_id": last},
    }


KEYS: dict[str, Callable[[Architecture, PreTrainedTokenizerBase], dict[str, Any]]] = {
    "bert": _bert,
    "distilbert": _distilbert,
    "modernbert": _modernbert,
    "mpnet": _behind_padding,
    "roberta": _roberta,
}
"""What makes the keys of each family's config of an architecture and its tokenizer."""
