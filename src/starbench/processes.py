"""Several processes that train one model (torchrun): how many, which one, and who goes first."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager


def processes() -> int:
    """Return how many processes train together, as torchrun says."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def rank() -> int:
    """Return the number of this process among them; the first one, 0, is who writes."""
    return int(os.environ.get("RANK", "0"))


@contextmanager
def first_then_rest() -> Iterator[None]:
    """Let the first process through the block, and then the others.

    The process group must be there: the Trainer's arguments start it.
    """
    if processes() > 1 and rank() > 0:
        _wait()
    yield
    if processes() > 1 and rank() == 0:
        _wait()


def _wait() -> None:
    import torch.distributed as dist

    dist.barrier()
