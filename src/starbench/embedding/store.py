"""Embeddings on disk: one memory-mapped array a layer, only as wide as a size needs it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from starbench.errors import InputError
from starbench.files import written_whole
from starbench.manifest import read_manifest
from starbench.sizes import Size


class EmbeddingWriter:
    """Writes ``layer-<n>.npy`` of shape (rows, widest dim of layer n) row by row.

    Args:
        folder: where the arrays go; they have temporary names until `close`.
        rows: number of texts.
        widths: {layer: number of columns kept}.
        dtype: ``float32`` or ``float16``.
    """

    def __init__(self, folder: Path, rows: int, widths: dict[int, int], dtype: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.widths = folder, widths
        self._arrays = {
            layer: np.lib.format.open_memmap(
                self._temporary(layer), "w+", np.dtype(dtype), (rows, width)
            )
            for layer, width in widths.items()
        }

    def write(self, rows: Sequence[int], embeddings: dict[int, np.ndarray]) -> None:
        """Write the embeddings {layer: (len(rows), width)} of the texts `rows`.

        Raises InputError where a value is not finite, as float16 makes of values over 65504.
        """
        for layer, array in self._arrays.items():
            with np.errstate(over="ignore"):
                kept = embeddings[layer][:, : self.widths[layer]].astype(array.dtype)
            if not np.isfinite(kept).all():
                self._discard()
                raise InputError(
                    f"{self.folder}: layer {layer} has values that are not finite in "
                    f"{array.dtype}; set the track's embedding.dtype to float32"
                )
            array[list(rows)] = kept

    def close(self) -> list[str]:
        """Give the arrays their names and return these."""
        for layer, array in self._arrays.items():
            array.flush()
            self._temporary(layer).replace(self.folder / layer_file(layer))
        return [layer_file(layer) for layer in self.widths]

    def _discard(self) -> None:
        for layer in self.widths:
            self._temporary(layer).unlink()

    def _temporary(self, layer: int) -> Path:
        return self.folder / f".{layer_file(layer)}.tmp"


def layer_file(layer: int) -> str:
    """Return the name of a layer's array."""
    return f"layer-{layer}.npy"


def write_ids(folder: Path, ids: Sequence[str]) -> None:
    """Write the id of each row, one a line."""
    with written_whole(folder / "ids.txt") as temporary:
        temporary.write_text("".join(f"{name}\n" for name in ids), encoding="utf-8")


class StoredEmbeddings:
    """Read access to the embeddings of one model on one dataset, at any stored size."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.manifest = read_manifest(folder, "embed")
        self.ids = (folder / "ids.txt").read_text(encoding="utf-8").splitlines()

    def at(self, size: Size) -> np.ndarray:
        """Return the embeddings (rows, dim) of a size, memory-mapped; InputError if not stored."""
        path = self.folder / layer_file(size.layers)
        if not path.is_file():
            raise InputError(f"{self.folder} holds no embeddings of layer {size.layers}")
        array: np.ndarray = np.load(path, mmap_mode="r")
        if array.shape[1] < size.dim:
            raise InputError(f"{path} holds {array.shape[1]} dimensions, not {size.dim}")
        if array.shape[0] != len(self.ids):
            raise InputError(f"{path} has {array.shape[0]} rows for {len(self.ids)} ids")
        return array[:, : size.dim]
