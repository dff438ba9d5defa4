"""The modules of a SentenceTransformer folder: its transformer, and what follows it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from starbench.errors import InputError

MODULES = "modules.json"
"""The file that lists them."""

OPTIONS = "config_sentence_transformers.json"
"""The file with prompts and the similarity function."""

LENGTHS = "sentence_*_config.json"
"""The file, beside the transformer's, with the longest text and the case of letters."""

LIBRARY = "sentence_transformers."

WITH_WEIGHTS = ("Dense", "LayerNorm", "CNN", "LSTM")
"""Modules that have weights."""

FOLLOWING = ("Pooling", "Dense", "Normalize", "LayerNorm", "Dropout", "CNN", "LSTM", "WordWeights")
"""Modules that can follow the transformer, because they read the states of one layer alone."""


@dataclass(frozen=True)
class Module:
    """One module of a SentenceTransformer."""

    kind: str
    """Its class, e.g. ``Dense``."""
    type: str
    """Its class with its package, as the library stores it."""
    path: str
    """Its folder within the model's."""


@dataclass(frozen=True)
class TransformerFolder:
    """Where a checkpoint's transformer is, and what comes after it in a SentenceTransformer."""

    folder: Path
    """The transformer's own folder."""
    root: Path
    """The checkpoint's folder."""
    modules: tuple[Module, ...] = ()
    """What follows the transformer, in order; nothing for a plain transformer."""
    first: Module | None = None
    """The transformer as a module of a SentenceTransformer."""

    def listed(self) -> list[dict[str, Any]]:
        """Return what ``modules.json`` lists, the transformer being in the folder itself."""
        modules = [self.first, *self.modules] if self.first else []
        return [
            {"idx": n, "name": str(n), "path": m.path if n else "", "type": m.type}
            for n, m in enumerate(modules)
        ]

    @property
    def pooling(self) -> str | None:
        """Its pooling, e.g. ``mean`` or ``cls``; None for a plain transformer."""
        for module in self.modules:
            if module.kind == "Pooling":
                return pooling_mode(_settings(self.root / module.path))
        return None

    @property
    def similarity(self) -> str | None:
        """Its similarity function, e.g. ``cosine``; None where the checkpoint names none."""
        found = _settings(self.root, OPTIONS).get("similarity_fn_name") if self.modules else None
        return None if found is None else str(found)

    @property
    def max_length(self) -> int | None:
        """The longest text in tokens; None where the checkpoint does not say."""
        for path in sorted(self.folder.glob(LENGTHS)) if self.modules else []:
            found = _settings(self.folder, path.name).get("max_seq_length")
            if isinstance(found, int):
                return found
        return None

    @property
    def normalises(self) -> bool:
        """Whether its last module is a normalisation."""
        return bool(self.modules) and self.modules[-1].kind == "Normalize"

    @property
    def pools_prompt(self) -> bool:
        """Whether pooling takes the tokens of a prompt into account."""
        kept = (m for m in self.modules if m.kind == "Pooling")
        return all(_settings(self.root / m.path).get("include_prompt", True) for m in kept)

    @property
    def lowers_case(self) -> bool:
        """Whether texts are made lower case before the tokenizer sees them."""
        files = sorted(self.folder.glob(LENGTHS)) if self.modules else []
        return any(_settings(self.folder, file.name).get("do_lower_case") for file in files)

    @property
    def prompts(self) -> dict[str, str]:
        """Its prompts by their names."""
        found = _settings(self.root, OPTIONS).get("prompts") if self.modules else None
        return {str(name): str(text or "") for name, text in (found or {}).items()}

    @property
    def default_prompt(self) -> str | None:
        """Name of the prompt that it uses where no other is named."""
        found = _settings(self.root, OPTIONS).get("default_prompt_name") if self.modules else None
        return None if found is None else str(found)

    def width(self, hidden: int) -> int:
        """Return the dimensions of an embedding, from those of the transformer's states."""
        width = hidden
        for module in self.modules:
            settings = _settings(self.root / module.path)
            if module.kind == "Pooling":
                width *= len((pooling_mode(settings) or "mean").split("+"))
            elif module.kind == "Dense" and isinstance(settings.get("out_features"), int):
                width = int(settings["out_features"])
        return width


def transformer_in(folder: Path, what: str) -> TransformerFolder:
    """Return the transformer of a checkpoint's folder: the folder itself, or a module's.

    Raises InputError, which begins with `what`, for a SentenceTransformer that does not begin with
    a transformer, whose modules are code of its own, or that has one that cannot be applied to an
    inner layer.
    """
    if not (folder / MODULES).is_file():
        return TransformerFolder(folder, folder)
    modules = _listed(folder, what)
    for module in modules:
        if module.path != Path(module.path).name:
            raise InputError(
                f"{what}: {MODULES} names '{module.path}', which is not a folder beside it"
            )
        if not module.type.startswith(LIBRARY):
            raise InputError(
                f"{what}: {MODULES} names {module.type}, which is code of its own and never run "
                "here: take a checkpoint with the modules of sentence-transformers"
            )
    if not modules or modules[0].kind != "Transformer":
        kinds = ", ".join(module.kind for module in modules) or "no modules"
        raise InputError(
            f"{what}: {MODULES} lists {kinds}, and must begin with the module Transformer"
        )
    first, *rest = modules
    for module in rest:
        if module.kind not in FOLLOWING:
            raise InputError(
                f"{what}: its module {module.kind} cannot be applied to an inner layer, so smaller "
                f"sizes of it have no meaning; what can be is {', '.join(FOLLOWING)}"
            )
    found = TransformerFolder(folder / first.path, folder, tuple(rest), first)
    found.width(1)  # all settings can be read
    return found


def pooling_mode(settings: dict[str, Any]) -> str | None:
    """Return the name of a pooling from its config.json, in the layouts of old and new versions.

    Several that are concatenated are joined by a plus.
    """
    given = settings.get("pooling_mode")
    if given is not None:
        return "+".join(given) if isinstance(given, list) else str(given)
    prefix = "pooling_mode_"
    modes = [key.removeprefix(prefix) for key, on in settings.items() if on is True]
    modes = [mode for mode in modes if prefix + mode in settings]
    names = [mode.removesuffix("_tokens").removesuffix("_token") for mode in modes]
    return "+".join("mean_sqrt_len_tokens" if n == "mean_sqrt_len" else n for n in names) or None


def _listed(folder: Path, what: str) -> list[Module]:
    try:
        listed = json.loads((folder / MODULES).read_text(encoding="utf-8"))
        return [Module(m["type"].rsplit(".", 1)[-1], m["type"], str(m["path"])) for m in listed]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise InputError(
            f"{what}: {MODULES} is not a list of modules, each with type and path"
        ) from None


def _settings(folder: Path, name: str = "config.json") -> dict[str, Any]:
    """Return a JSON file's mapping, empty without the file; InputError for anything else."""
    path = folder / name
    if not path.is_file():
        return {}
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise InputError(f"{path} holds no mapping of keys")
    return found
