"""How many passages of a dataset have titles: training and scoring should agree on that."""

from __future__ import annotations

from dataclasses import dataclass

from starbench.store.records import Record

NO_TITLE = ("", "-")
"""What is in the place of a missing title: `-` in MS MARCO."""


@dataclass
class Titles:
    """Counts passages, and those among them that have a title."""

    passages: int = 0
    titled: int = 0

    def count(self, passage: Record) -> None:
        """Count one passage."""
        self.passages += 1
        self.titled += str(passage.get("title") or "").strip() not in NO_TITLE

    def facts(self) -> dict[str, int]:
        """Return the counts, for a manifest."""
        return {"passages": self.passages, "titled": self.titled}
