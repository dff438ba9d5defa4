"""Saving a SentenceTransformer in the layout that versions 4 to 6 of the library load alike.

From version 5.4 on the library writes other names of modules and keys, which older versions and
servers do not read. Version 6 reads both.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sentence_transformers import SentenceTransformer

from starbench.encoders.stored import FLOAT32, Stored, store_as
from starbench.errors import InputError
from starbench.machine.files import written_whole

log = logging.getLogger(__name__)

LIBRARY = "sentence_transformers."
OLD_PLACE = "sentence_transformers.models."
"""Where all versions up to 6 find the library's modules."""

MOST_TOKENS = 10_000_000
"""A longer limit is none."""

POOLING_MODES = {
    "cls": "pooling_mode_cls_token",
    "max": "pooling_mode_max_tokens",
    "mean": "pooling_mode_mean_tokens",
    "mean_sqrt_len_tokens": "pooling_mode_mean_sqrt_len_tokens",
    "weightedmean": "pooling_mode_weightedmean_tokens",
    "lasttoken": "pooling_mode_lasttoken",
}
"""The older key of each mode, in the order in which several are put side by side."""

OF_TEXT_ENCODERS = {
    "transformer_task": "feature-extraction",
    "module_output_name": "token_embeddings",
}
"""Newer keys of a transformer, with the values that older versions imply."""

Values = dict[str, Any]


def save(model: SentenceTransformer, folder: str | Path, weights: Stored = FLOAT32) -> None:
    """Save a model in a new folder from which plain `SentenceTransformer(folder)` loads it.

    The layout is that of sentence-transformers before 5.4, which all versions from 4 to 6 and
    servers such as Text Embeddings Inference read. What only newer versions have is written in
    their layout, and the log says so. Nothing is half-written.

    Args:
        model: the model, e.g. one that `starbench.cut` has made.
        folder: where it goes; it must not be there, or be empty.
        weights: how weights are stored: as they are, or rounded to ``"float16"``, which halves the
            files. Such a model is loaded and computed in the precision that its config names.

    Raises:
        InputError: the folder holds files, or a weight is too large for float16.
    """
    path = Path(folder)
    if path.is_file() or (path.is_dir() and any(path.iterdir())):
        raise InputError(f"{path} is not empty: name a folder that is not there yet")
    with written_whole(path) as temporary:
        write_model(model, temporary, weights)
        if path.is_dir():
            path.rmdir()


def longest_text(model: SentenceTransformer) -> int | None:
    """Return how many tokens of a text a model reads; None for all.

    Tokenizers of models without a limit name one of 30 digits.
    """
    longest = model.max_seq_length
    return int(longest) if longest is not None and longest <= MOST_TOKENS else None


def write_model(model: SentenceTransformer, folder: Path, weights: Stored = FLOAT32) -> None:
    """Write a model's files into a folder, in the older layout; arguments as for `save`."""
    model.save_pretrained(str(folder), create_model_card=False)
    store_as(weights, folder)
    modules = _read(folder / "modules.json")
    for entry in modules:
        kind = entry["type"].rpartition(".")[2]
        if not entry["type"].startswith(LIBRARY):
            continue
        entry["type"] = OLD_PLACE + kind
        if kind == "Transformer":
            _rewrite(folder / entry["path"] / "sentence_bert_config.json", _transformer(model))
        elif kind in OLDER:
            _rewrite(folder / entry["path"] / "config.json", OLDER[kind])
    _write(folder / "modules.json", modules)


def _transformer(model: SentenceTransformer) -> Callable[[Values], Values]:
    """Return what makes older keys of a transformer's newer ones."""

    def older(new: Values) -> Values:
        kept = {key: v for key, v in new.items() if OF_TEXT_ENCODERS.get(key) != v}
        modalities = kept.get("modality_config", {})
        if modalities == {"text": {"method": "forward", "method_output_name": "last_hidden_state"}}:
            del kept["modality_config"]
        if kept:
            # They belong together: the library takes none of them without the others.
            kept = new
            log.warning("only newer versions of the library read %s", ", ".join(sorted(kept)))
        lower = bool(getattr(model[0], "do_lower_case", False))
        return {"max_seq_length": longest_text(model), "do_lower_case": lower, **kept}

    return older


def _pooling(new: Values) -> Values:
    modes = new["pooling_mode"]
    modes = [modes] if isinstance(modes, str) else list(modes)
    if modes != [mode for mode in POOLING_MODES if mode in modes]:
        log.warning("only newer versions of the library put %s side by side", ", ".join(modes))
        return new
    return {
        "word_embedding_dimension": new["embedding_dimension"],
        **{key: mode in modes for mode, key in POOLING_MODES.items()},
        "include_prompt": new.get("include_prompt", True),
    }


def _of_sentences(new: Values) -> Values:
    """Return a config without the names of input and output, where they are the older ones."""
    names = ("module_input_name", "module_output_name")
    given = {new.get(name) for name in names} - {None}
    if given - {"sentence_embedding"}:
        log.warning("only newer versions of the library read %s", " and ".join(names))
        return new
    return {key: value for key, value in new.items() if key not in names}


OLDER: dict[str, Callable[[Values], Values]] = {
    "Pooling": _pooling,
    "Dense": _of_sentences,
    "Normalize": _of_sentences,
}
"""How the config of a module looked in older versions, where it looked otherwise."""


def _rewrite(path: Path, older: Callable[[Values], Values]) -> None:
    if path.is_file():
        _write(path, older(_read(path)))


def _read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def _write(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
