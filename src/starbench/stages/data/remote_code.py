"""Code that comes with a checkpoint: it is never run, and what needs it is refused."""

from __future__ import annotations

import json
from pathlib import Path

from starbench.errors import InputError

ASKING = ("config.json", "tokenizer_config.json")
"""The files of a checkpoint that may name classes of its own, in `auto_map`."""


def refuse_own_code(source: Path, what: str) -> None:
    """Raise InputError for a checkpoint whose model or tokenizer is code that it carries.

    Such code would run with the rights of the user (transformers' ``trust_remote_code``).
    """
    for name in ASKING:
        path = source / name
        if not path.is_file():
            continue
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError) as error:
            raise InputError(
                f"{what}: {name} is not JSON ({' '.join(str(error).split())})"
            ) from None
        if isinstance(found, dict) and "auto_map" in found:
            raise InputError(
                f"{what}: {name} asks for code of its own ('auto_map'), which is never run here: "
                "take a checkpoint of an architecture that transformers has"
            )
