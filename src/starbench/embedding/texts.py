"""Which texts of a dataset are embedded, each once, and in which order."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datasets import Dataset


def texts_of(rows: Dataset) -> list[str]:
    """Return the distinct texts of a dataset of pairs, in the order of first appearance."""
    return list(dict.fromkeys([*rows["sentence1"], *rows["sentence2"]]))
