"""Embeddings on disk: one memory-mapped array per layer, only as wide as a size needs it."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np

from starbench.errors import InputError
from starbench.machine.disk import FULL, disk_of, free_bytes, naming, reserve, size_text
from starbench.machine.files import written_whole
from starbench.sizes import Size
from starbench.store.arrays import load_array
from starbench.store.artifacts import opened

IDS = "ids.txt"
DTYPES = (np.dtype("float32"), np.dtype("float16"))
EMBED_AGAIN = "remove its folder and embed again"


class EmbeddingWriter:
    """Writes ``layer-<n>.npy`` of shape (rows, widest dim of layer n) row by row, and the ids.

    Args:
        folder: where the files go; they have temporary names until `close`.
        rows: number of texts.
        widths: {layer: number of columns kept}.
        dtype: ``float32`` or ``float16``.
        scratch: where the files are until `close`, if not in `folder`: rows are written out of
            order, which a shared file system is slow at.

    Used in a ``with`` block, it leaves none of these files behind if the block fails. Two writers
    of one folder would spoil each other's files: its user holds a lock.

    Raises:
        InputError: the disk has no room for the arrays.
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
        self._arrays: dict[int, np.memmap[Any, Any]] = {}
        for left in folder.glob(".*.tmp"):  # of a writer that was killed
            left.unlink()
        try:
            for layer, width in widths.items():
                self._arrays[layer] = self._made(layer, (rows, width), np.dtype(dtype))
            self._temporary(IDS).write_text("")
        except OSError as error:
            self.discard()
            if error.errno not in FULL:
                raise
            needed = rows * sum(widths.values()) * np.dtype(dtype).itemsize
            place = scratch or folder
            raise InputError(
                f"{folder}: the embeddings need {size_text(needed)}, the disk at "
                f"{disk_of(place)} has {size_text(free_bytes(place))} free; make room there and "
                "run again"
            ) from None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            self.discard()

    def _made(
        self, layer: int, shape: tuple[int, int], dtype: np.dtype[Any]
    ) -> np.memmap[Any, Any]:
        path = self._temporary(layer_file(layer))
        path.unlink(missing_ok=True)
        np.lib.format.open_memmap(path, "w+", dtype, shape)
        reserve(path, path.stat().st_size)
        return np.lib.format.open_memmap(path, "r+")

    def write_ids(self, ids: Sequence[str]) -> None:
        """Write the ids of the next rows, one per line, in the order of the rows."""
        path = self._temporary(IDS)
        with naming(self.folder / IDS), path.open("a", encoding="utf-8") as out:
            out.writelines(f"{name}\n" for name in ids)

    def write(self, rows: Sequence[int], embeddings: dict[int, np.ndarray]) -> None:
        """Write the embeddings {layer: (len(rows), width)} of the texts `rows`.

        Raises InputError where a value is not finite, as float16 makes of values over 65504.
        """
        for layer, array in self._arrays.items():
            with np.errstate(over="ignore"):
                kept = embeddings[layer][:, : self.widths[layer]].astype(array.dtype)
            if not np.isfinite(kept).all():
                self.discard()
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

    def discard(self) -> None:
        """Remove what has temporary names; a file that stays mapped would keep its space."""
        self._arrays.clear()
        for name in self._names:
            self._temporary(name).unlink(missing_ok=True)

    def _temporary(self, name: str) -> Path:
        return (self.scratch or self.folder) / f".{name}.tmp"


def layer_file(layer: int) -> str:
    """Return the name of a layer's array."""
    return f"layer-{layer}.npy"


class StoredEmbeddings:
    """Read access to the embeddings of one model on one set of texts, at any stored size.

    Raises InputError for embeddings that are not finished; a layer's file is checked against the
    manifest when it is read first.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.manifest = opened(folder, "embed", files=[])
        self.rows = int(self.manifest["texts"])
        self._checked: set[str] = set()

    def at(self, size: Size) -> np.ndarray:
        """Return the embeddings (rows, dim) of a size, memory-mapped; InputError if not stored."""
        name = layer_file(size.layers)
        path = self.folder / name
        if name not in self._checked:
            if name not in self.manifest["files"]:
                raise InputError(f"{self.folder} holds no embeddings of layer {size.layers}")
            opened(self.folder, "embed", [name])
            self._checked.add(name)
        array = load_array(path)
        if array.ndim != 2 or array.dtype not in DTYPES:
            raise InputError(
                f"{path} is an array of {array.dtype} with {array.ndim} axes, not of float32 or "
                f"float16 with 2: {EMBED_AGAIN}"
            )
        if array.shape[1] < size.dim:
            raise InputError(
                f"{path} holds {array.shape[1]} dimensions, not {size.dim}: {EMBED_AGAIN}"
            )
        if array.shape[0] != self.rows:
            raise InputError(
                f"{path} has {array.shape[0]} rows for {self.rows} texts: {EMBED_AGAIN}"
            )
        return array[:, : size.dim]

    def block(self, size: Size, first: int, rows: int) -> np.ndarray:
        """Return a copy of some rows of a size; what was read does not stay mapped to memory."""
        return np.array(self.at(size)[first : first + rows])

    def not_finite(self, layer: int) -> InputError:
        """Return the error, which names the layer's file, of values that are not finite."""
        path = self.folder / layer_file(layer)
        return InputError(f"{path} holds values that are not finite: {EMBED_AGAIN}")


def rows_of(shards: Sequence[StoredEmbeddings], size: Size, rows: np.ndarray) -> np.ndarray:
    """Return the vectors (rows, dim), float32, of some rows of embeddings in several shards."""
    ends = np.cumsum([shard.rows for shard in shards])
    shard_of = np.searchsorted(ends, rows, side="right")
    found = np.empty((len(rows), size.dim), dtype=np.float32)
    for number, shard in enumerate(shards):
        here = shard_of == number
        found[here] = shard.at(size)[rows[here] - (ends[number] - shard.rows)]
    return found
