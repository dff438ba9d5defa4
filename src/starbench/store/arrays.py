"""Arrays on disk in NumPy's own format, never pickled."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from starbench.errors import InputError
from starbench.machine.files import written_whole


def save_array(path: Path, array: np.ndarray) -> None:
    """Write an array in one step, the bytes being those of `numpy.save`.

    That itself raises errors without a number on a full disk, which tell nobody what is wrong.
    """
    whole = np.ascontiguousarray(array)
    header = np.lib.format.header_data_from_array_1_0(whole)
    with written_whole(path) as temporary, temporary.open("wb") as out:
        np.lib.format.write_array_header_1_0(out, header)
        out.write(whole.reshape(-1).view(np.uint8).data)


def load_array(path: Path) -> np.ndarray:
    """Return an array, memory-mapped; InputError if the file holds none."""
    try:
        array: Any = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, EOFError, SyntaxError, TypeError, OverflowError) as error:
        raise InputError(f"{path} is not an array in NumPy's format ({error})") from None
    if not isinstance(array, np.ndarray):
        raise InputError(f"{path} is not an array in NumPy's format")
    return array
