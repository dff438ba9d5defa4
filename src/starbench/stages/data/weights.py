"""The weights of a checkpoint: all there, as config.json describes them, and finite."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from starbench.encoders.families import depth_of, family_of
from starbench.errors import InputError

if TYPE_CHECKING:
    from transformers import PreTrainedModel

POOLER = "pooler"
"""Nothing reads it; what was pre-trained for masked words has none."""

BUFFERS = re.compile(r"\b(position_ids|token_type_ids|inv_freq|masked_bias)$")
"""What older versions of transformers saved beside the weights."""


def loaded_encoder(folder: Path, what: str) -> PreTrainedModel:
    """Return the encoder of a checkpoint; weights of heads above it may be there or not.

    Args:
        folder: its config.json and weights in safetensors.
        what: what to call it in an error.

    Raises:
        InputError: weights that are missing, of another shape or of another depth than config.json
            asks for, that it has no place for, or that are not finite.
    """
    from transformers import AutoModel

    try:
        model, loading = AutoModel.from_pretrained(
            folder, output_loading_info=True, ignore_mismatched_sizes=True
        )
    # Whatever a config.json holds, the library may raise anything over it.
    except Exception as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise InputError(f"{what} cannot be loaded: {reason}") from error
    _refuse_other_shapes(loading["mismatched_keys"], what)
    absent = sorted(key for key in loading["missing_keys"] if not key.startswith(f"{POOLER}."))
    if absent:
        raise InputError(f"{what} lacks {len(absent)} weights of the encoder, e.g. {absent[0]}")
    _refuse_surplus(model, sorted(_surplus(model, loading["unexpected_keys"])), what)
    _refuse_not_finite(folder, what)
    return model


def _refuse_other_shapes(mismatched: Iterable[tuple[str, Any, Any]], what: str) -> None:
    for key, found, asked in sorted(mismatched):
        raise InputError(
            f"{what}: config.json does not fit the weights: {key} has the shape {tuple(found)}, "
            f"config.json asks for {tuple(asked)}"
        )


def _surplus(model: PreTrainedModel, unexpected: Iterable[str]) -> Iterator[str]:
    """Yield weights that belong to a part of the encoder and not to a head above it."""
    parts = {name for name, _ in model.named_children()} - {POOLER}
    for key in unexpected:
        own = key.removeprefix(f"{model.base_model_prefix}.")
        if own.split(".")[0] in parts and BUFFERS.search(own) is None:
            yield own


def _refuse_surplus(model: PreTrainedModel, surplus: list[str], what: str) -> None:
    if not surplus:
        return
    depth = depth_of(model)
    numbers = [int(found[1]) for key in surplus if (found := re.search(r"\.(\d+)\.", key))]
    if numbers and max(numbers) >= depth:
        raise InputError(
            f"{what}: config.json says {family_of(model).depth} {depth}, the weights have "
            f"{max(numbers) + 1} layers: {surplus[0]} and others would be left out"
        )
    raise InputError(
        f"{what} has {len(surplus)} weights of the encoder that config.json has no place for, e.g. "
        f"{surplus[0]}"
    )


def _refuse_not_finite(folder: Path, what: str) -> None:
    from safetensors import safe_open

    for file in sorted(folder.glob("*.safetensors")):
        with safe_open(file, framework="pt") as tensors:
            for name in tensors.keys():  # noqa: SIM118 (it is not a mapping)
                tensor = tensors.get_tensor(name)
                if tensor.is_floating_point() and not tensor.float().isfinite().all():
                    raise InputError(
                        f"{what}: {file.name}: {name} holds values that are not finite numbers"
                    )
