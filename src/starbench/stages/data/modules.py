"""The modules of a SentenceTransformer folder: where its transformer is, and how it pools."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from starbench.errors import InputError

MODULES = "modules.json"
"""The file that lists them."""


@dataclass(frozen=True)
class TransformerFolder:
    """Where a checkpoint's transformer is, and what comes after it in a SentenceTransformer."""

    folder: Path
    pooling: str | None = None
    """Its pooling, e.g. ``mean`` or ``cls``; None for a plain transformer."""
    others: tuple[str, ...] = ()
    """Modules that are neither pooling nor normalisation."""


def transformer_in(folder: Path, what: str) -> TransformerFolder:
    """Return the transformer of a checkpoint's folder: the folder itself, or a module's.

    Raises InputError, which begins with `what`, for a SentenceTransformer without one.
    """
    if not (folder / MODULES).is_file():
        return TransformerFolder(folder)
    try:
        modules = json.loads((folder / MODULES).read_text(encoding="utf-8"))
        paths = {module["type"].rsplit(".", 1)[-1]: str(module["path"]) for module in modules}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise InputError(
            f"{what}: {MODULES} is not a list of modules, each with type and path"
        ) from None
    for path in paths.values():
        if path != Path(path).name:
            raise InputError(f"{what}: {MODULES} names '{path}', which is not a folder beside it")
    if "Transformer" not in paths:
        raise InputError(f"{what} has no module Transformer, but {', '.join(paths)}")
    others = tuple(kind for kind in paths if kind not in ("Transformer", "Pooling", "Normalize"))
    pooling = _pooling(folder / paths["Pooling"], what) if "Pooling" in paths else None
    return TransformerFolder(folder / paths["Transformer"], pooling, others)


def _pooling(folder: Path, what: str) -> str | None:
    """Return the name of a pooling, in the layouts of old and new sentence-transformers."""
    if not (folder / "config.json").is_file():
        return None
    try:
        found = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise InputError(f"{what}: {folder.name}/config.json holds no mapping of keys")
    if "pooling_mode" in found:
        return str(found["pooling_mode"])
    prefix = "pooling_mode_"
    modes = [key.removeprefix(prefix) for key in found if key.startswith(prefix) and found[key]]
    names = [mode.removesuffix("_tokens").removesuffix("_token") for mode in modes]
    return "+".join(names) or None
