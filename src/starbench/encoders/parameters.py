"""The parameters of an encoder by its config.json: those of one layer, and all others.

The library would tell, but importing it takes longer than a plan.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from starbench.encoders.families import FAMILIES

Keys = Mapping[str, Any]


@dataclass(frozen=True)
class Parameters:
    """How many parameters an encoder without its pooler has."""

    outside: int
    """Those of embeddings, norms and all else that a cut encoder has, too."""
    layer: int
    """Those of one layer."""
    matrices: int
    """Those of one layer that every token is multiplied with."""


def counted(found: Keys) -> Parameters:
    """Return the parameters of an encoder of a known family by its config.

    A family of a plugin is taken to have the layers and embeddings of BERT.
    """
    return COUNTS.get(found["model_type"], _other)(found)


def _post_norm(found: Keys, outside: int, more: int = 0) -> Parameters:
    """Return the parameters of layers like BERT's: `more` matrices with biases beside its six."""
    family = FAMILIES[found["model_type"]]
    width, wide = int(found[family.width]), int(found[family.intermediate])
    matrices = (4 + more) * width**2 + 2 * width * wide
    biases = (4 + more) * width + wide + width
    return Parameters(outside, matrices + biases + 4 * width, matrices)


def _embedded(found: Keys, width: int, positions: bool, types: int) -> int:
    """Return the parameters of tables of tokens, positions and token types, with a norm."""
    rows = found["vocab_size"] + types + (found["max_position_embeddings"] if positions else 0)
    return int(rows * width + 2 * width)


def _bert(found: Keys) -> Parameters:
    types = found.get("type_vocab_size", 2)
    return _post_norm(found, _embedded(found, found["hidden_size"], True, types))


def _other(found: Keys) -> Parameters:
    width = found[FAMILIES[found["model_type"]].width]
    positions = "max_position_embeddings" in found
    return _post_norm(found, _embedded(found, width, positions, found.get("type_vocab_size", 0)))


def _distilbert(found: Keys) -> Parameters:
    return _post_norm(found, _embedded(found, found["dim"], True, 0))


def _mpnet(found: Keys) -> Parameters:
    biases = found.get("relative_attention_num_buckets", 32) * found["num_attention_heads"]
    return _post_norm(found, _embedded(found, found["hidden_size"], True, 0) + biases)


def _electra(found: Keys) -> Parameters:
    narrow, width = found.get("embedding_size", 128), found["hidden_size"]
    outside = _embedded(found, narrow, True, found.get("type_vocab_size", 2))
    return _post_norm(found, outside + (narrow * width + width if narrow != width else 0))


def _deberta(found: Keys) -> Parameters:
    width = found["hidden_size"]
    narrow = found.get("embedding_size", width)
    biased, types = found.get("position_biased_input", True), found.get("type_vocab_size", 0)
    outside = _embedded(found, narrow, biased, types)
    if narrow != width:
        outside += narrow * width + 2 * (width - narrow)  # The norm is of the wide vectors.
    if kernel := found.get("conv_kernel_size", 0):
        outside += kernel * width**2 // found.get("conv_groups", 1) + 3 * width
    if "layer_norm" in found.get("norm_rel_ebd", "none").lower():
        outside += 2 * width
    more = 0
    if found.get("relative_attention", False):
        reach = found.get("max_relative_positions", -1)
        reach = found["max_position_embeddings"] if reach < 1 else reach
        buckets = found.get("position_buckets", -1)
        outside += 2 * (buckets if buckets > 0 else reach) * width
        kinds = found.get("pos_att_type") or ()
        own = not found.get("share_att_key", False)
        more = own * sum(kind in kinds for kind in ("c2p", "p2c"))
    return _post_norm(found, outside, more)


def _modernbert(found: Keys) -> Parameters:
    width, wide = found["hidden_size"], found["intermediate_size"]
    norm = width * (2 if found.get("norm_bias", False) else 1)
    matrices = 4 * width**2 + 3 * width * wide
    biases = 4 * width if found.get("attention_bias", False) else 0
    biases += 2 * wide + width if found.get("mlp_bias", False) else 0
    # Embeddings and the end have a norm; the first layer lacks the first of its two.
    outside = found["vocab_size"] * width + norm
    return Parameters(outside, matrices + biases + 2 * norm, matrices)


def _decoder(found: Keys) -> Parameters:
    kind, width, wide = found["model_type"], found["hidden_size"], found["intermediate_size"]
    heads = found["num_attention_heads"]
    default = 128 if kind == "qwen3" else width // heads
    a_head = found.get("head_dim") or default
    queries, keys = heads * a_head, (found.get("num_key_value_heads") or heads) * a_head
    matrices = 2 * width * queries + 2 * width * keys + 3 * width * wide
    biases = queries + 2 * keys if kind == "qwen2" else 0
    if kind != "qwen2" and found.get("attention_bias", False):
        biases = queries + 2 * keys + width
    if kind == "llama" and found.get("mlp_bias", False):
        biases += 2 * wide + width
    norms = 2 * width + (2 * a_head if kind == "qwen3" else 0)
    return Parameters(found["vocab_size"] * width + width, matrices + biases + norms, matrices)


COUNTS: dict[str, Callable[[Keys], Parameters]] = {
    "bert": _bert,
    "roberta": _bert,
    "xlm-roberta": _bert,
    "distilbert": _distilbert,
    "mpnet": _mpnet,
    "electra": _electra,
    "deberta-v2": _deberta,
    "modernbert": _modernbert,
    "qwen2": _decoder,
    "qwen3": _decoder,
    "llama": _decoder,
}
"""How the parameters of each of Starbench's own families are counted, by its `model_type`."""
