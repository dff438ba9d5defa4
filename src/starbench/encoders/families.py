"""Families of encoders: where the parts of a model are that the project uses, one entry per family.

An encoder of no entry can be cut, embedded and fine-tuned: its layers and its norm are looked for.
Only a family with a head can be pre-trained.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn

from starbench.errors import InputError

NORMS = ("final_norm", "final_layer_norm", "norm")
"""What encoders call the norm after their last layer."""


@dataclass(frozen=True)
class Head:
    """A masked language model's head, within the model that has it."""

    encoder: str
    """The encoder itself."""
    transform: str
    """What comes before the projection: `dense`, `transform_act_fn`, `LayerNorm`."""
    projection: str
    """The projection to the vocabulary."""


@dataclass(frozen=True)
class Family:
    """Attribute paths within an encoder of one family."""

    embeddings: str
    layers: str
    pooler: str | None
    """What makes one vector of the last layer; nothing here reads it."""
    final_norm: str | None
    """The norm that a cut encoder needs, too."""
    head: Head | None = None


FAMILIES = {
    "bert": Family(
        embeddings="embeddings",
        layers="encoder.layer",
        pooler="pooler",
        final_norm=None,
        head=Head("bert", "cls.predictions.transform", "cls.predictions.decoder"),
    ),
}
"""Every family by what transformers calls it: the `model_type` of a config."""


def head_of(model: nn.Module) -> Head:
    """Return where the head of a masked language model is; InputError for a family without one."""
    kind = model.config.model_type  # type: ignore[union-attr]
    family = FAMILIES.get(str(kind))
    if family is None or family.head is None:
        raise InputError(pretrainable(str(kind)))
    return family.head


def pretrainable(kind: str) -> str:
    """Return what is wrong with pre-training a model of another family."""
    known = " or ".join(f"'{name}'" for name, family in FAMILIES.items() if family.head)
    return f"pre-training takes models of type {known}, this is a '{kind}'"


def encoder_of(masked_lm: nn.Module) -> nn.Module:
    """Return the encoder of a masked language model."""
    return masked_lm.get_submodule(head_of(masked_lm).encoder)


def embeddings_of(encoder: nn.Module) -> nn.Module:
    """Return what makes vectors of an encoder's input."""
    return encoder.get_submodule(_known(encoder).embeddings)


def layers_path(model: nn.Module, depth: int) -> list[str]:
    """Return the path of the list of `depth` layers, e.g. ``["encoder", "layer"]``.

    Raises InputError if there is none.
    """
    family = _family(model)
    if family is not None:
        prefix = f"{family.head.encoder}." if family.head else ""
        paths = (family.layers, f"{prefix}{family.layers}")
        for name, _ in model.named_modules():
            if name in paths:
                return name.split(".")
    for name, module in model.named_modules():
        if isinstance(module, nn.ModuleList) and len(module) == depth:
            return name.split(".")
    raise InputError(f"found no list of {depth} layers in a {type(model).__name__}")


def final_norm(encoder: nn.Module) -> nn.Module:
    """Return the norm that a pre-norm encoder applies after its last layer; identity for BERT.

    What a model cut to n layers gives is this norm of the hidden states of layer n.
    """
    family = _family(encoder)
    names = NORMS if family is None else filter(None, [family.final_norm])
    for name in names:
        module = getattr(encoder, name, None)
        if isinstance(module, nn.Module):
            return module
    return nn.Identity()


def drop_pooler(encoder: nn.Module) -> None:
    """Remove the pooler: where a checkpoint has none its weights would be random."""
    family = _family(encoder)
    name = family.pooler if family is not None else "pooler"
    if name is not None and getattr(encoder, name, None) is not None:
        setattr(encoder, name, None)


def _family(model: nn.Module) -> Family | None:
    return FAMILIES.get(str(getattr(getattr(model, "config", None), "model_type", None)))


def _known(model: nn.Module) -> Family:
    family = _family(model)
    assert family is not None
    return family
