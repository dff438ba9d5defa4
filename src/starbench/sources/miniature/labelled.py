"""Labelled texts: one sentence each, and what it is about as its label."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from starbench.sources.miniature.events import Meaning, draw_meaning
from starbench.sources.miniature.records import row_generator
from starbench.sources.miniature.surface import tell
from starbench.sources.miniature.world import ANCESTORS, CONCEPTS

_LABELS: dict[str, Callable[[Meaning], str]] = {
    "action": lambda meaning: CONCEPTS[meaning.action].family,
    "agent": lambda meaning: CONCEPTS[ANCESTORS[meaning.agent][0]].names[0],
}
LABEL_SETS: tuple[str, ...] = tuple(_LABELS)
LABEL_SPLITS: tuple[str, ...] = ("train", "test")

_NEGATED = 0.1


def labelled(rows: int, seed: int, name: str, split: str) -> Iterator[dict[str, Any]]:
    """Yield `rows` records {text, label} from the meanings of a split.

    `name` is one of LABEL_SETS: `action` is the family of the action, which its verb tells;
    `agent` the kind of the one who acts, which the words alone do not tell, for the other
    participant may be of the same kinds and voices and clefts change the order. Cores (action,
    agent, object) of the two splits are disjoint, whatever the seeds. Row i depends on the seed,
    the name, the split and i only. Raises ValueError for another name or split.
    """
    if name not in _LABELS:
        raise ValueError(f"no label set '{name}': it is one of {', '.join(LABEL_SETS)}")
    if split not in LABEL_SPLITS:
        raise ValueError(f"no split '{split}': it is one of {', '.join(LABEL_SPLITS)}")
    return _labelled(rows, seed, name, split)


def _labelled(rows: int, seed: int, name: str, split: str) -> Iterator[dict[str, Any]]:
    for row in range(rows):
        rng = row_generator(seed, f"labelled-{name}-{split}", row)
        meaning = draw_meaning(rng, test=split == "test", negated=_NEGATED)
        yield {"text": tell(rng, meaning), "label": _LABELS[name](meaning)}
