"""Loading what a stage has saved of a model: what a library finds wrong gets one line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from starbench.errors import InputError


@contextmanager
def loading(folder: Path, what: str) -> Iterator[None]:
    """Raise any error of the libraries that load a model as an InputError that names its folder.

    transformers, tokenizers and safetensors raise errors of all kinds for a damaged file.

    Args:
        folder: where it is loaded from.
        what: what is loaded, e.g. ``backbone``.
    """
    try:
        yield
    except (InputError, MemoryError):
        raise
    except Exception as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise InputError(
            f"{folder}: the {what} cannot be loaded ({reason[:200]}): remove its manifest.json and "
            "run again to have it made anew"
        ) from error


def refuse_random(folder: Path, what: str, missing: Iterable[str]) -> None:
    """Raise InputError for weights that are not stored and would be random.

    Args:
        folder: what was loaded.
        what: what it is, e.g. ``model``.
        missing: names of weights that the library found nothing for; poolers are read by nobody.
    """
    absent = sorted(key for key in missing if not key.startswith("pooler."))
    if absent:
        raise InputError(
            f"{folder}: the {what} lacks {len(absent)} weights, e.g. {absent[0]}: remove its "
            "manifest.json and run again to have it made anew"
        )
