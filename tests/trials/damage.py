"""Damaging a finished run: what a row does to the copy that its command gets."""

from __future__ import annotations

import gzip
import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from tests.trials.running import Place

ROOT = "results/tiny"
MODEL = "starbucks/seed-42"
DATA = f"{ROOT}/data"
BACKBONE = f"{ROOT}/backbones/base-smae/seed-42"
TRAINED = f"{ROOT}/models/sts/{MODEL}"
VECTORS = f"{ROOT}/embeddings/sts/{MODEL}/paraphrase"
SEARCHED = f"{ROOT}/searches/retrieval/{MODEL}/library/passages-1/library"
SCORED = f"{ROOT}/scores/sts/{MODEL}/paraphrase"
RANKED = f"{ROOT}/scores/retrieval/{MODEL}/library"

Make = Callable[[Place], object]
MADE_BY = {
    "pretrain": ["backbones/base-smae"],
    "finetune": ["models"],
    "embed": ["embeddings"],
    "search": ["searches", "scores"],
    "evaluate": ["scores"],
}


def forget(place: Place, *stages: str, keep: str = "") -> None:
    """Remove what stages have made, but the folder that is to be damaged."""
    for name in (name for stage in stages for name in MADE_BY[stage]):
        for path in (place.root / name).rglob("*"):
            if path.is_file() and place.folder / (keep or "nothing") not in path.parents:
                path.unlink()


def vouch(path: Path) -> None:
    """Let the manifests above a file vouch for it as it is."""
    for folder in path.parents:
        manifest = folder / "manifest.json"
        if not manifest.is_file():
            continue
        value, name = json.loads(manifest.read_text()), path.relative_to(folder).as_posix()
        if name in value["files"]:
            found = path.stat()
            value["files"][name] = hashlib.sha256(path.read_bytes()).hexdigest()
            value["stat"][name] = {"size": found.st_size, "mtime_ns": found.st_mtime_ns}
            manifest.write_text(json.dumps(value))
            return
    raise AssertionError(f"no manifest lists {path}")


def rewritten(file: str, content: Callable[[bytes], bytes] | bytes, *stages: str) -> Make:
    """Write a file anew, vouched for as if its stage had made it so."""

    def make(place: Place) -> None:
        path = place.folder / file
        forget(place, *stages, keep=str(Path(file).parent))
        path.write_bytes(content(path.read_bytes()) if callable(content) else content)
        vouch(path)

    return make


def damaged(file: str, content: Callable[[bytes], bytes] | bytes, *stages: str) -> Make:
    """Write a file anew, as a broken disk or a hand would: nothing vouches for it."""

    def make(place: Place) -> None:
        path = place.folder / file
        forget(place, *stages, keep=str(Path(file).parent))
        path.write_bytes(content(path.read_bytes()) if callable(content) else content)

    return make


def without(*files: str, stages: tuple[str, ...] = ()) -> Make:
    """Remove files or folders."""

    def make(place: Place) -> None:
        forget(place, *stages)
        for file in files:
            path = place.folder / file
            shutil.rmtree(path) if path.is_dir() else path.unlink()

    return make


def manifest(folder: str, change: Callable[[dict[str, Any]], object], *stages: str) -> Make:
    """Change what a manifest says."""

    def make(place: Place) -> None:
        forget(place, *stages, keep=folder)
        path = place.folder / folder / "manifest.json"
        value = json.loads(path.read_text())
        change(value)
        path.write_text(json.dumps(value))

    return make


def array(file: str, change: Callable[[np.ndarray], np.ndarray], *stages: str) -> Make:
    """Change an array, vouched for."""

    def content(_: bytes) -> bytes:
        raise AssertionError

    def make(place: Place) -> None:
        path = place.folder / file
        forget(place, *stages, keep=str(Path(file).parent))
        found = change(np.load(path))
        with path.open("wb") as out:
            np.save(out, found, allow_pickle=True)
        vouch(path)

    return make


def arrow(file: str, change: Callable[[pa.Table], pa.Table], *stages: str) -> Make:
    """Change a file of records, vouched for."""

    def make(place: Place) -> None:
        path = place.folder / file
        forget(place, *stages)
        table = change(pa.ipc.open_stream(path.read_bytes()).read_all())
        with pa.ipc.new_stream(str(path), table.schema) as out:
            out.write_table(table)
        vouch(path)

    return make


def text(file: str, old: str, new: str, *stages: str) -> Make:
    """Replace a text in a file, vouched for."""

    def content(whole: bytes) -> bytes:
        assert old.encode() in whole, f"no {old!r} in {file}"
        return whole.replace(old.encode(), new.encode(), 1)

    return rewritten(file, content, *stages)


def unpacked(file: str, change: Callable[[str], str], *stages: str) -> Make:
    """Change the text in a gzip file, vouched for."""
    return rewritten(
        file, lambda whole: gzip.compress(change(gzip.decompress(whole).decode()).encode()), *stages
    )


def collected(
    name: str, change: Callable[[list[str]], list[str]], *, checked: bool = False
) -> Make:
    """Change the lines of a collected CSV file; its checksum goes unless it is to be checked."""

    def make(place: Place) -> None:
        path = place.root / name
        path.write_text("".join(f"{line}\n" for line in change(path.read_text().splitlines())))
        beside = path.with_name(f"{name}.sha256")
        if not checked and beside.exists():
            beside.unlink()

    return make


def cut(whole: bytes) -> bytes:
    """Return the first half."""
    return whole[: len(whole) // 2]


def flipped(whole: bytes) -> bytes:
    """Flip one bit in the middle."""
    changed = bytearray(whole)
    changed[len(changed) // 2] ^= 1
    return bytes(changed)
