"""Small models: a SentenceTransformer cut to few layers and dimensions, as a model of its own."""

from __future__ import annotations

import copy
import logging
from collections.abc import Iterable, Sequence
from typing import Any

import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Dense, Normalize, Transformer
from torch import nn
from transformers import PretrainedConfig

from starbench.encoders.cutting import cut_to_depth
from starbench.encoders.families import drop_pooler
from starbench.errors import InputError
from starbench.sizes import Size

log = logging.getLogger(__name__)

SIZES = "matryoshka_sizes"
"""The key of a config.json that lists the sizes a model was trained at, as [layers, dim]."""
DIMS = "matryoshka_dimensions"
"""The key of a config.json from which servers read the dims that may be asked for."""
IS_MATRYOSHKA = "is_matryoshka"


def cut(
    model: SentenceTransformer, size: Size, trained: Iterable[Size] | None = None
) -> SentenceTransformer:
    """Return a model that has `size.layers` layers and gives vectors of `size.dim` dimensions.

    It shares the weights of `model`, which stays as it is. All modules behind the transformer are
    kept. The vector is cut after the last of them, before a final Normalize: a vector of length 1
    stays one. Prompts, similarity function and maximum length are those of `model`. What BERT has
    behind its last layer (its pooler) is left out: no module reads it.

    Args:
        model: a SentenceTransformer whose first module is a Transformer.
        size: how many of its layers and dimensions to keep.
        trained: the sizes that the model was trained at; by default those that its config lists
            (`matryoshka_sizes`). A size that is not among them is cut too, and the log warns.

    Returns:
        A model of its own; `starbench.save` writes it. Its config has `is_matryoshka`,
        `matryoshka_dimensions` and `matryoshka_sizes`: what it was trained at up to `size`.

    Raises:
        InputError: `size` is beyond the model, or the model has no layers that can be cut.
    """
    transformer, width = _transformer_of(model), width_of(model)
    depth = int(transformer.model.config.num_hidden_layers)
    if size.layers > depth or size.dim > width:
        raise InputError(
            f"size {size}: the model has {depth} layers and {width} dimensions, no more"
        )
    _refuse_layer_mixture(model, size.layers < depth)
    known = sorted(trained_sizes(transformer.model.config) if trained is None else trained)
    if known and size not in known:
        log.warning("size %s was not trained; trained are %s", size, ", ".join(map(str, known)))
    modules = {"0": _cut_transformer(transformer, size, known)}
    names = {name: str(number) for number, name in enumerate(model._modules)}
    for name, module in list(model._modules.items())[1:]:
        modules[names[name]] = module
    if size.dim < module_width(model):
        modules = _with_cut(modules, names, size.dim, module_width(model))
    return _like(model, modules, names)


def trained_sizes(config: PretrainedConfig) -> list[Size]:
    """Return the sizes that a model's config says it was trained at; none if it does not say.

    Raises InputError for a list that is not one of [layers, dim].
    """
    listed = getattr(config, SIZES, None) or []
    try:
        return sorted(Size(int(layers), int(dim)) for layers, dim in listed)
    except (TypeError, ValueError):
        raise InputError(f"config.json: {SIZES} is a list of [layers, dim], got {listed}") from None


def tell_trained_sizes(model: SentenceTransformer, sizes: Iterable[Size]) -> None:
    """Write the sizes that a model was trained at into its config, as `cut` and servers read them.

    The keys are `matryoshka_sizes`, `matryoshka_dimensions` and `is_matryoshka`; what they said
    before the training is forgotten.
    """
    config = _transformer_of(model).model.config
    vars(config).pop(DIMS, None)
    _tell_sizes(config, Size(int(config.num_hidden_layers), width_of(model)), sorted(sizes))


def width_of(model: SentenceTransformer) -> int:
    """Return the dimensions of the vectors that `encode` gives."""
    width = model.get_embedding_dimension()
    if width is None:
        raise InputError("the model does not tell how many dimensions its vectors have")
    return int(width)


def module_width(model: SentenceTransformer) -> int:
    """Return the dimensions of the vectors that come out of the last module, before `encode` cuts.

    They are more than `width_of` gives where the model has a `truncate_dim`.
    """
    with model.truncate_embeddings(None):
        return width_of(model)


def parameters_of(model: SentenceTransformer) -> int:
    """Return how many numbers a model's weights are, without a pooler that no file has."""
    return sum(
        weights.numel() for name, weights in model.named_parameters() if ".pooler." not in name
    )


def _transformer_of(model: SentenceTransformer) -> Transformer:
    first = next(iter(model._modules.values()), None)
    if not isinstance(first, Transformer):
        raise InputError(
            f"a model is cut at its Transformer, this one begins with a {type(first).__name__}"
        )
    return first


def _refuse_layer_mixture(model: SentenceTransformer, is_shallower: bool) -> None:
    """Raise InputError for a module that reads every layer, if some are to go."""
    mixing = [m for m in model._modules.values() if type(m).__name__ == "WeightedLayerPooling"]
    if mixing and is_shallower:
        raise InputError("the model's WeightedLayerPooling reads all layers: cut its dims alone")


def _cut_transformer(whole: Transformer, size: Size, known: Sequence[Size]) -> Transformer:
    encoder = cut_to_depth(whole.model, size.layers)
    if encoder is whole.model:
        encoder = _shallow(encoder)
        encoder.config = copy.deepcopy(encoder.config)
    drop_pooler(encoder)
    _tell_sizes(encoder.config, size, known)
    part: Any = _shallow(whole)
    part.model = encoder
    part.processor = copy.deepcopy(whole.processor)  # has the maximum length, which may be set
    return part


def _tell_sizes(config: PretrainedConfig, size: Size, known: Sequence[Size]) -> None:
    """Write into a config what the model was trained at, up to the size that it has."""
    within = [s for s in known if s.layers <= size.layers and s.dim <= size.dim]
    listed = getattr(config, DIMS, None) or []
    dims = sorted({d for d in [*listed, *(s.dim for s in known)] if d <= size.dim})
    values = {SIZES: [[s.layers, s.dim] for s in within], DIMS: dims, IS_MATRYOSHKA: bool(dims)}
    for key, value in values.items():
        if value:
            setattr(config, key, value)
        elif hasattr(config, key):
            delattr(config, key)


def _with_cut(
    modules: dict[str, nn.Module], names: dict[str, str], dim: int, width: int
) -> dict[str, nn.Module]:
    """Return the modules with one that keeps the first `dim` dims, before a final Normalize.

    It is a Dense of the identity's first rows, which every version of the library loads and which
    gives the same bits as slicing. `names` is changed where a module moves.
    """
    first = next(modules["0"].parameters())
    keep = Dense(
        width,
        dim,
        bias=False,
        activation_function=nn.Identity(),
        init_weight=torch.eye(dim, width, dtype=first.dtype, device=first.device),
    )
    keep.requires_grad_(False)
    ordered = list(modules.values())
    place = len(ordered) - _is_final_normalize(ordered[-1])
    ordered.insert(place, keep)
    for name, number in names.items():
        if int(number) >= place:
            names[name] = str(int(number) + 1)
    return {str(number): module for number, module in enumerate(ordered)}


def _is_final_normalize(module: nn.Module) -> bool:
    inputs = getattr(module, "module_input_name", "sentence_embedding")
    return isinstance(module, Normalize) and inputs == "sentence_embedding"


def _like(
    model: SentenceTransformer, modules: dict[str, nn.Module], names: dict[str, str]
) -> SentenceTransformer:
    """Return a model of other modules that is used as `model` is."""
    made = SentenceTransformer(
        modules=list(modules.values()),
        device=str(model.device),
        prompts=dict(model.prompts),
        default_prompt_name=model.default_prompt_name,
        similarity_fn_name=model.similarity_fn_name,
    )
    if model.module_kwargs:
        options = {names[name]: given for name, given in model.module_kwargs.items()}
        made.module_kwargs = options
    return made


def _shallow(module: Any) -> Any:
    """Copy a module but not its weights; its children can be replaced in the copy alone."""
    copied = copy.copy(module)
    copied._modules = dict(module._modules)
    return copied
