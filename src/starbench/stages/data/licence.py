"""The licence that a checkpoint states in its own model card."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

CARD = "README.md"


def licence_in(folder: Path) -> str | None:
    """Return the licence that a checkpoint's card states, None without a card or a licence."""
    card = folder / CARD
    if not card.is_file():
        return None
    return stated_licence(card.read_text(encoding="utf-8", errors="replace"))


def stated_licence(card: str) -> str | None:
    """Return the key `license` of the YAML at the head of a model card, None without one."""
    if not card.startswith("---"):
        return None
    head = card.removeprefix("---").partition("\n---")[0]
    try:
        values: Any = yaml.safe_load(head)
    except (yaml.YAMLError, ValueError, RecursionError):
        return None
    stated = values.get("license") if isinstance(values, dict) else None
    if isinstance(stated, list):
        stated = ", ".join(map(str, stated))
    return str(stated) if isinstance(stated, str) and stated.strip() else None
