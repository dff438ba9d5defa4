"""Progress of long work: a bar on a terminal, sparse log lines otherwise."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import TypeVar

from tqdm import tqdm

log = logging.getLogger(__name__)

T = TypeVar("T")

SECONDS_BETWEEN_LINES = 30.0


def setup_logging() -> None:
    """Log to standard error, one short line each; libraries only when they warn."""
    logging.basicConfig(
        level=logging.WARNING, format="%(asctime)s %(message)s", datefmt="%H:%M:%S", force=True
    )
    logging.getLogger("starbench").setLevel(logging.INFO)


def duration(seconds: float) -> str:
    """Return seconds as ``1:02:03`` or ``2:03``."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


class Progress:
    """Counts steps of one piece of work and tells how far it is.

    Args:
        what: what is being done, e.g. ``embed sts12``.
        total: how many steps there are, None if unknown.
        unit: what a step is.
        done: steps done before (by an earlier, interrupted run).
    """

    def __init__(self, what: str, total: int | None, unit: str, done: int = 0) -> None:
        self.what, self.total, self.unit = what, total, unit
        self.count = self._first = done
        self._start = self._last = time.monotonic()
        self._bar = None
        if sys.stderr.isatty():
            self._bar = tqdm(desc=what, total=total, initial=done, unit=unit, leave=False)

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.close()

    def step(self, by: int = 1, note: str = "") -> None:
        """Count `by` steps more; `note` (e.g. the loss) is shown beside the count."""
        self.count += by
        if self._bar is not None:
            self._bar.set_postfix_str(note, refresh=False)
            self._bar.update(by)
        elif time.monotonic() - self._last >= SECONDS_BETWEEN_LINES:
            self._last = time.monotonic()
            log.info("%s", self._line(note))

    def counting(self, items: Iterable[T]) -> Iterator[T]:
        """Yield `items`, counting each."""
        for item in items:
            yield item
            self.step()

    def _line(self, note: str) -> str:
        rate = (self.count - self._first) / max(time.monotonic() - self._start, 1e-9)
        of = f"/{self.total}" if self.total else ""
        left = ""
        if self.total and rate > 0:
            left = f", {duration((self.total - self.count) / rate)} left"
        text = f"{self.what}: {self.count}{of} {self.unit}, {rate:.1f} {self.unit}/s{left}"
        return f"{text}, {note}" if note else text
