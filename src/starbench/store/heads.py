"""Linear heads of a model: one for each size, or one for all, as safetensors beside the model."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from starbench.errors import InputError
from starbench.machine.files import written_whole
from starbench.sizes import Size
from starbench.store.artifacts import opened
from starbench.store.manifest import read_manifest

HEADS = "heads.safetensors"
SHARED = "shared"
"""The name of the tensors of a head that serves every size by its first columns."""


@dataclass(frozen=True)
class Heads:
    """The heads of a model.

    Args:
        classes: the labels, in the order of the rows of the weights.
        sizes: the sizes that are trained, each with a head.
        weights: {``n2-d32`` or ``shared``: (classes, dim)}.
        biases: the same, (classes,).
    """

    classes: tuple[str, ...]
    sizes: tuple[Size, ...]
    weights: Mapping[str, np.ndarray]
    biases: Mapping[str, np.ndarray]

    @property
    def shared(self) -> bool:
        """Whether one head serves every size."""
        return SHARED in self.weights

    def at(self, size: Size) -> tuple[np.ndarray, np.ndarray] | None:
        """Return weight (classes, dim) and bias (classes,) of a size; None if it has no head."""
        if size not in self.sizes:
            return None
        name = SHARED if self.shared else str(size)
        return self.weights[name][:, : size.dim], self.biases[name]


def write_heads(path: Path, heads: Heads) -> None:
    """Write heads in one step."""
    from safetensors.numpy import save_file

    tensors = {f"{name}.weight": np.ascontiguousarray(w) for name, w in heads.weights.items()}
    tensors |= {f"{name}.bias": np.ascontiguousarray(b) for name, b in heads.biases.items()}
    told = {
        "classes": json.dumps(heads.classes, ensure_ascii=False),
        "sizes": json.dumps([[size.layers, size.dim] for size in heads.sizes]),
    }
    with written_whole(path) as temporary:
        save_file(tensors, temporary, told)


def read_heads(folder: Path) -> Heads | None:
    """Return the heads of a finished model's folder, None if it has none.

    Raises InputError for a file that its manifest does not vouch for, or that holds no heads.
    """
    if HEADS not in read_manifest(folder, "finetune")["files"]:
        return None
    opened(folder, "finetune", [HEADS])
    return heads_in(folder / HEADS)


def heads_in(path: Path) -> Heads:
    """Return the heads in a file; InputError if it holds none."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            told = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        classes: Sequence[str] = json.loads(told["classes"])
        sizes = [Size(*pair) for pair in json.loads(told["sizes"])]
    except (SafetensorError, OSError, KeyError, ValueError, TypeError) as error:
        raise InputError(f"{path} holds no heads ({error}): train the model again") from None
    weights, biases = (
        {name.removesuffix(end): array for name, array in tensors.items() if name.endswith(end)}
        for end in (".weight", ".bias")
    )
    return Heads(tuple(classes), tuple(sizes), weights, biases)
