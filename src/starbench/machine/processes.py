"""Several processes that train one model (torchrun): how many, which one, and who goes first."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from starbench.errors import InputError


def processes() -> int:
    """Return how many processes train together, as torchrun says; InputError for no number."""
    return _number("WORLD_SIZE", "1", 1)


def rank() -> int:
    """Return the number of this process among them; the first one, 0, is who writes."""
    return _number("RANK", "0", 0)


def _number(variable: str, default: str, least: int) -> int:
    text = os.environ.get(variable, default)
    if not text.isdecimal() or int(text) < least:
        raise InputError(
            f"the environment's {variable} is '{text}', no number from {least}: unset it"
        )
    return int(text)


def inside_torchrun() -> bool:
    """Whether this process is one of those that torchrun started."""
    return "WORLD_SIZE" in os.environ


def share_among(count: int) -> None:
    """Turn this process into a torchrun of `count` processes with the same command line.

    Does nothing for one process, or in one that torchrun started.
    """
    if count > 1 and not inside_torchrun():
        torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
        started = sys.modules["__main__"].__spec__
        if started is None:  # as a script, by its path
            command = ["--no-python", *sys.argv]
        else:  # by `python -m`
            command = ["--module", started.name.removesuffix(".__main__"), *sys.argv[1:]]
            # Modules are no files that happen to lie in the folder where the job works.
            os.environ["PYTHONSAFEPATH"] = "1"
        torchrun += ["--nproc-per-node", str(count)]
        os.execv(sys.executable, [*torchrun, *command])


def any_process(flag: bool, device: Any) -> bool:
    """Return whether `flag` is true in any of the processes that train together.

    All of them must call it; `device` is where their group exchanges tensors.
    """
    if processes() == 1:
        return flag
    import torch
    import torch.distributed as dist

    flags = torch.tensor(int(flag), device=device)
    dist.all_reduce(flags, dist.ReduceOp.MAX)
    return bool(flags)


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
