"""The coders of one model on one dataset, fitted on its calibration texts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product

import numpy as np

from starbench.config.bits import QUANTISED, Bits
from starbench.errors import InputError
from starbench.sizes import Size
from starbench.stages.evaluate.coding import Coder, Int8, coder_of
from starbench.stages.evaluate.task import Task
from starbench.store.embeddings import EMBED_AGAIN


class Coders:
    """Makes the coder of a size and a representation when it is asked for first.

    Args:
        options: the track's `bits`.
        unit: whether vectors are compared by their cosine.
        stored: the representation of the stored vectors, which has no coder.
        texts_at: the calibration texts' vectors (texts, dim), float32, at a size.
        of: what they are, for messages: "dataset 'x' has 1 passage".
    """

    def __init__(
        self,
        options: Bits,
        unit: bool,
        stored: str,
        texts_at: Callable[[Size], np.ndarray],
        of: str,
    ) -> None:
        self._options, self._unit, self._stored = options, unit, stored
        self._texts_at, self._of = texts_at, of
        self._made: dict[tuple[Size, str], Coder] = {}
        self.constant: dict[str, int] = {}
        """{`int8 n1-d4`: how many dimensions are the same in all calibration texts}"""

    def of(self, size: Size, name: str) -> Coder | None:
        """Return a coder, None of what is stored; InputError for too few calibration texts."""
        return None if name == self._stored else self.made(size, name)

    def fit(self, sizes: Sequence[Size], names: Sequence[str]) -> None:
        """Make the coders of several sizes and representations, none of them what is stored."""
        for size, name in product(sizes, names):
            self.made(size, name)

    def made(self, size: Size, name: str) -> Coder:
        """Return the coder of a representation that is not what is stored."""
        if (size, name) not in self._made:
            rotation = self._options.rotation
            needed = name == "int8" or (name in QUANTISED and rotation != "none")
            texts = self._texts_at(size) if needed else np.empty((0, size.dim), np.float32)
            if not np.isfinite(texts).all():
                raise InputError(
                    f"{self._of}; their embeddings at {size} are not finite: {EMBED_AGAIN}"
                )
            coder = coder_of(name, self._unit, rotation, texts, self._of)
            if isinstance(coder, Int8) and coder.constant:
                self.constant[f"{name} {size}"] = coder.constant
            self._made[size, name] = coder
        return self._made[size, name]


def calibrated_on(task: Task, count: int, what: str) -> str:
    """Return what an error says of calibration texts: so many passages or texts, and why."""
    options = task.config.tracks[task.model.track].bits
    assert options is not None
    if count == options.calibration:
        key = f"tracks.{task.model.track}.bits.calibration"
        return f"{key} takes {count} {what} of dataset '{task.dataset}'"
    return f"dataset '{task.dataset}' has {count} {what}"
