"""One training in a folder at a time: two would overwrite each other's checkpoints."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from starbench.machine.lock import only_one_in
from starbench.machine.processes import rank

LOCK = "training.lock"


@contextmanager
def only_training_in(folder: Path) -> Iterator[None]:
    """Hold the lock of a folder during a training, as `only_one_in` does.

    Of several processes that train one model the first one holds it. Raises InputError, naming
    process and machine, if another training holds it.
    """
    if rank() > 0:
        yield
        return
    with only_one_in(folder, "training", folder / LOCK):
        yield
