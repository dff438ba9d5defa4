"""Embeddings on disk: one memory-mapped array a layer, only as wide as a size needs it."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from starbench.errors import InputError
from starbench.machine.files import written_whole
from starbench.sizes import Size
from starbench.store.manifest import read_manifest

IDS = "ids.txt"


class EmbeddingWriter:
    """Writes ``layer-<n>.npy`` of shape (rows, widest dim of layer n) row by row, and the ids.

    Args:
        folder: where the files go; they have temporary names until `close`.
        rows: number of texts.
        widths: {layer: number of columns kept}.
        dtype: ``float32`` or ``float16``.
        scratch: where the files are until `close`, if not in `folder`: rows are written out of
            order, which a shared file system is slow at.
    """

    def __init__(
        self,
        folder: Path,
        rows: int,
        widths: dict[int, int],
        dtype: str,
        scratch: Path | None = None,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.widths, self.scratch = folder, widths, scratch
        self._names = [IDS, *map(layer_file, widths)]
        self._arrays = {
            layer: np.lib.format.open_memmap(
                self._temporary(layer_file(layer)), "w+", np.dtype(dtype), (rows, width)
            )
            for layer, width in widths.items()
        }
        self._temporary(IDS).write_text("")

    def write_ids(self, ids: Sequence[str]) -> None:
        """Write the ids of the next rows, one a line, in the order of the rows."""
        with self._temporary(IDS).open("a", encoding="utf-8") as out:
            out.writelines(f"{name}\n" for name in ids)

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

    def flush(self) -> None:
        """Hand what is written to the disk; without it the whole array would stay in memory."""
        for layer, array in self._arrays.items():
            array.flush()
            self._arrays[layer] = np.lib.format.open_memmap(
                self._temporary(layer_file(layer)), "r+"
            )

    def close(self) -> list[str]:
        """Give the files their names and return these."""
        self.flush()
        for name in self._names:
            if self.scratch is None:
                self._temporary(name).replace(self.folder / name)
            else:
                with written_whole(self.folder / name) as copy:
                    shutil.copyfile(self._temporary(name), copy)
        return self._names

    def _discard(self) -> None:
        for name in self._names:
            self._temporary(name).unlink()

    def _temporary(self, name: str) -> Path:
        return (self.scratch or self.folder) / f".{name}.tmp"


def layer_file(layer: int) -> str:
    """Return the name of a layer's array."""
    return f"layer-{layer}.npy"


class StoredEmbeddings:
    """Read access to the embeddings of one model on one set of texts, at any stored size."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.manifest = read_manifest(folder, "embed")
        self.rows = int(self.manifest["texts"])

    def at(self, size: Size) -> np.ndarray:
        """Return the embeddings (rows, dim) of a size, memory-mapped; InputError if not stored."""
        path = self.folder / layer_file(size.layers)
        if not path.is_file():
            raise InputError(f"{self.folder} holds no embeddings of layer {size.layers}")
        array: np.ndarray = np.load(path, mmap_mode="r")
        if array.shape[1] < size.dim:
            raise InputError(f"{path} holds {array.shape[1]} dimensions, not {size.dim}")
        if array.shape[0] != self.rows:
            raise InputError(f"{path} has {array.shape[0]} rows for {self.rows} texts")
        return array[:, : size.dim]

    def block(self, size: Size, first: int, rows: int) -> np.ndarray:
        """Return a copy of some rows of a size; what was read does not stay mapped to memory."""
        return np.array(self.at(size)[first : first + rows])
