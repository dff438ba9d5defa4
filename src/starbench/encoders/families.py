"""Families of encoders: where the parts of a model are that the project uses, one entry per family.

A model of any other type is refused by name: guessed parts would give wrong embeddings. What needs
torch is imported where it is used, since planning and the fetching of data read this table, too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from starbench.errors import InputError
from starbench.plugins.registry import Registry, wrong_instance

if TYPE_CHECKING:
    from torch import nn
    from transformers import PreTrainedModel


@dataclass(frozen=True)
class Head:
    """A masked language model's head, by attribute paths within the model that has it."""

    encoder: str
    """The encoder itself."""
    dense: str
    """The linear layer of the transform."""
    activation: str | None
    """The transform's activation; None for GELU, where the head calls it as a function."""
    norm: str
    """The norm of the transform."""
    projection: str
    """The projection to the vocabulary."""


@dataclass(frozen=True)
class Block:
    """A post-norm layer, by attribute paths within it: attention, norm, feed-forward, norm."""

    query: str
    key: str
    value: str
    heads: str
    """The number of attention heads."""
    attention_dropout: str
    """Dropout of the attention's weights."""
    attention: tuple[str, ...]
    """What is applied to the context before the residual is added."""
    attention_norm: str
    feed_forward: tuple[str, ...]
    """What is applied one after another before the residual is added."""
    feed_forward_norm: str
    position_bias: str | None = None
    """What gives the bias of the scores by relative position, within the encoder."""


@dataclass(frozen=True)
class Family:
    """Attribute paths within an encoder of one family, and the keys of its config.

    One that another package brings is the entry point of the family's `model_type`.
    """

    layers: str
    embeddings: str = "embeddings"
    pooler: str | None = None
    """What makes one vector of the last layer; nothing here reads it."""
    final_norm: str | None = None
    """The norm that a cut encoder needs, too."""
    depth: str = "num_hidden_layers"
    """Key of the number of layers."""
    width: str = "hidden_size"
    """Key of the dimensions of the hidden states."""
    intermediate: str = "intermediate_size"
    """Key of the dimensions of the feed-forward layer."""
    by_layer: tuple[str, ...] = ()
    """Keys whose value has one entry per layer."""
    dropout: tuple[str, ...] = ("hidden_dropout_prob", "attention_probs_dropout_prob")
    """Keys of the dropout within the encoder."""
    causal: bool = False
    """Whether a token attends to those before it alone."""
    framed: bool = True
    """Whether a text is read between a first token and a last one."""
    padding: int | None = None
    """The usual id of the padding where positions are counted from behind it."""
    head: Head | None = None
    block: Block | None = None
    """The parts of a layer; None for a layer that is only run as a whole."""


_BERT_BLOCK = Block(
    query="attention.self.query",
    key="attention.self.key",
    value="attention.self.value",
    heads="attention.self.num_attention_heads",
    attention_dropout="attention.self.dropout",
    attention=("attention.output.dense", "attention.output.dropout"),
    attention_norm="attention.output.LayerNorm",
    feed_forward=(
        "intermediate.dense",
        "intermediate.intermediate_act_fn",
        "output.dense",
        "output.dropout",
    ),
    feed_forward_norm="output.LayerNorm",
)
_ROBERTA = Family(
    layers="encoder.layer",
    pooler="pooler",
    padding=1,
    head=Head("roberta", "lm_head.dense", None, "lm_head.layer_norm", "lm_head.decoder"),
    block=_BERT_BLOCK,
)
_DECODER = Family(
    layers="layers",
    embeddings="embed_tokens",
    final_norm="norm",
    by_layer=("layer_types",),
    dropout=("attention_dropout",),
    causal=True,
    framed=False,
)

_OWN = {
    "bert": Family(
        layers="encoder.layer",
        pooler="pooler",
        head=Head(
            "bert",
            "cls.predictions.transform.dense",
            "cls.predictions.transform.transform_act_fn",
            "cls.predictions.transform.LayerNorm",
            "cls.predictions.decoder",
        ),
        block=_BERT_BLOCK,
    ),
    "roberta": _ROBERTA,
    "xlm-roberta": _ROBERTA,
    "distilbert": Family(
        layers="transformer.layer",
        depth="n_layers",
        width="dim",
        intermediate="hidden_dim",
        dropout=("dropout", "attention_dropout"),
        head=Head(
            "distilbert", "vocab_transform", "activation", "vocab_layer_norm", "vocab_projector"
        ),
        block=Block(
            query="attention.q_lin",
            key="attention.k_lin",
            value="attention.v_lin",
            heads="attention.n_heads",
            attention_dropout="attention.dropout",
            attention=("attention.out_lin",),
            attention_norm="sa_layer_norm",
            feed_forward=("ffn.lin1", "ffn.activation", "ffn.lin2", "ffn.dropout"),
            feed_forward_norm="output_layer_norm",
        ),
    ),
    "mpnet": Family(
        layers="encoder.layer",
        pooler="pooler",
        padding=1,
        head=Head("mpnet", "lm_head.dense", None, "lm_head.layer_norm", "lm_head.decoder"),
        block=Block(
            query="attention.attn.q",
            key="attention.attn.k",
            value="attention.attn.v",
            heads="attention.attn.num_attention_heads",
            attention_dropout="attention.attn.dropout",
            attention=("attention.attn.o", "attention.dropout"),
            attention_norm="attention.LayerNorm",
            feed_forward=_BERT_BLOCK.feed_forward,
            feed_forward_norm="output.LayerNorm",
            position_bias="encoder.compute_position_bias",
        ),
    ),
    "electra": Family(layers="encoder.layer"),
    "deberta-v2": Family(layers="encoder.layer"),
    "modernbert": Family(
        layers="layers",
        final_norm="final_norm",
        by_layer=("layer_types",),
        dropout=("embedding_dropout", "attention_dropout", "mlp_dropout"),
        head=Head("model", "head.dense", "head.act", "head.norm", "decoder"),
    ),
    "qwen2": _DECODER,
    "qwen3": _DECODER,
    "llama": _DECODER,
}
FAMILIES: Registry[Family] = Registry(
    "encoders", _OWN, wrong_instance(Family, None), pattern=r"[A-Za-z0-9][\w.-]*"
)
"""Every family by what transformers calls it: the `model_type` of a config."""

_SPLIT = "its encoder is half of a model, and transformers would make the other half at random"
REFUSED = {
    "t5": _SPLIT,
    "mt5": _SPLIT,
    "umt5": _SPLIT,
    "albert": "its layers share one set of weights, so a cut model would be no smaller",
}
"""Types of models that are refused for a reason of their own."""


def family_named(kind: Any, what: str) -> Family:
    """Return the family of a `model_type`.

    Raises InputError, which begins with `what`, for a type that is not known.
    """
    family = FAMILIES.get(kind) if isinstance(kind, str) else None
    if family is None:
        reason = REFUSED.get(str(kind))
        told = f"a model of type '{kind}'" if kind is not None else "a model without a model_type"
        raise InputError(
            f"{what}: {told} cannot be used{f' ({reason})' if reason else ''}: "
            f"known are {', '.join(FAMILIES)}"
        )
    return family


def family_of(model: nn.Module) -> Family:
    """Return the family of an encoder, or of a masked language model; InputError if unknown."""
    kind = getattr(getattr(model, "config", None), "model_type", None)
    return family_named(kind, type(model).__name__)


def depth_of(model: nn.Module) -> int:
    """Return the number of layers of an encoder; InputError for an unknown family."""
    return int(getattr(model.config, family_of(model).depth))


def width_of(model: nn.Module) -> int:
    """Return the dimensions of an encoder's hidden states; InputError for an unknown family."""
    return int(getattr(model.config, family_of(model).width))


def shape_in(config: Mapping[str, Any], what: str) -> tuple[int, int]:
    """Return depth and width by the mapping that a config.json holds.

    Raises InputError, which begins with `what`, for an unknown family and for missing numbers.
    """
    family = family_named(config.get("model_type"), what)
    depth, width = config.get(family.depth), config.get(family.width)
    if not (isinstance(depth, int) and isinstance(width, int)):
        raise InputError(f"{what}: config.json tells no {family.depth} and {family.width}")
    return depth, width


def head_of(model: nn.Module) -> Head:
    """Return where the head of a masked language model is; InputError for a family without one."""
    kind = str(model.config.model_type)  # type: ignore[union-attr]
    head = FAMILIES[kind].head if kind in FAMILIES else None
    if head is None:
        raise InputError(pretrainable(kind))
    return head


def pretrainable(kind: str) -> str:
    """Return what is wrong with pre-training a model of another family."""
    names = [f"'{name}'" for name, family in FAMILIES.items() if family.head]
    known = f"{', '.join(names[:-1])} or {names[-1]}"
    return f"pre-training takes models of type {known}, this is a '{kind}'"


def part(module: nn.Module, path: str) -> Any:
    """Return what is at an attribute path within a module."""
    return attrgetter(path)(module)


def encoder_of(masked_lm: nn.Module) -> nn.Module:
    """Return the encoder of a masked language model."""
    return masked_lm.get_submodule(head_of(masked_lm).encoder)


def embeddings_of(encoder: nn.Module) -> nn.Module:
    """Return what makes vectors of an encoder's input."""
    return encoder.get_submodule(family_of(encoder).embeddings)


def layers_path(model: nn.Module) -> list[str]:
    """Return the path of the list of layers, e.g. ``["encoder", "layer"]``.

    Works for an encoder and for a masked language model; InputError for an unknown family.
    """
    family = family_of(model)
    path = family.layers.split(".")
    inner = getattr(model, family.head.encoder, None) if family.head else None
    return path if inner is None or family.head is None else [family.head.encoder, *path]


def final_norm(encoder: nn.Module) -> nn.Module:
    """Return the norm that a pre-norm encoder applies after its last layer; identity for BERT.

    What a model cut to n layers gives is this norm of the hidden states of layer n.
    """
    from torch import nn

    name = family_of(encoder).final_norm
    norm: nn.Module = nn.Identity() if name is None else part(encoder, name)
    return norm


def check_recomputing(model: PreTrainedModel, asked: bool) -> None:
    """Raise InputError if activations are to be recomputed and transformers cannot do so."""
    if asked and not model.supports_gradient_checkpointing:
        raise InputError(
            "gradient_checkpointing: transformers cannot recompute the activations of a model of "
            f"type '{model.config.model_type}': leave it out, or set it to false"
        )


def drop_pooler(encoder: nn.Module) -> None:
    """Remove the pooler: where a checkpoint has none its weights would be random."""
    name = family_of(encoder).pooler
    if name is not None and getattr(encoder, name, None) is not None:
        setattr(encoder, name, None)
