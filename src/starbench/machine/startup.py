"""A process that starts and ends soon: most of a short job is the import of large libraries."""

from __future__ import annotations

import atexit
import gc
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NoReturn


@contextmanager
def importing() -> Iterator[None]:
    """Import libraries without a search for garbage among what they make, now or later.

    PyTorch and transformers make millions of objects that all stay: looking through them again
    and again is a fifth of their import.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if was_enabled:
            gc.enable()


def exit_with(main: Callable[[], int]) -> NoReturn:
    """Run `main` and exit with the status that it returns, without dismantling every module.

    With PyTorch and transformers that takes a second. Whatever libraries want done at exit is
    done. An exception of `main` ends the process as usual.
    """
    ended: list[int] = []
    # What is registered first is called last.
    atexit.register(_leave, ended)
    ended.append(main())
    sys.exit(ended[0])


def _leave(ended: list[int]) -> None:
    if ended:
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:  # None where a shell has closed it
                stream.flush()
        os._exit(ended[0])
