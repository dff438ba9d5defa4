"""Repositories of the Hugging Face Hub: the commit that a revision names, and what goes wrong."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from starbench.errors import InputError

DEFAULT_REVISION = "main"
PARQUET = "refs/convert/parquet"
"""The branch into which the hub converts what its loading scripts give."""

_SCRIPT = "Dataset scripts are no longer supported"


def is_local(name: str) -> bool:
    """Whether a name is a folder on disk rather than a repository."""
    return name.startswith((".", "/")) or Path(name).is_dir()


def is_commit(revision: str | None) -> bool:
    """Whether a revision is a whole commit, 40 hex digits."""
    return revision is not None and re.fullmatch(r"[0-9a-f]{40}", revision) is not None


def commit_of(name: str, revision: str | None, kind: str = "dataset") -> str:
    """Return the commit that a revision of a repository stands for: a commit is returned as it is.

    Args:
        name: ``owner/name``.
        revision: branch, tag or commit; None for `main`.
        kind: ``dataset`` or ``model``.

    Raises:
        InputError: the hub cannot be reached, or has no such repository or revision.
    """
    if revision is not None and is_commit(revision):
        return revision
    from huggingface_hub import HfApi

    wanted = revision or DEFAULT_REVISION
    with told_in_a_line(f"hub {kind} '{name}', revision '{wanted}'"):
        return str(HfApi().repo_info(name, revision=wanted, repo_type=kind).sha)


@contextmanager
def told_in_a_line(what: str) -> Iterator[None]:
    """Raise any error of the hub's libraries as an InputError that says what to do about it.

    The libraries raise errors of all kinds: of HTTP, of files, of Arrow, and plain RuntimeErrors.
    """
    try:
        yield
    except InputError:
        raise
    except Exception as error:
        raise InputError(f"cannot load {what}{_offline()}: {_reason(error)}") from error


def _offline() -> str:
    is_set = os.environ.get("HF_HUB_OFFLINE", "").upper() in ("1", "TRUE", "YES", "ON")
    return " (HF_HUB_OFFLINE is set)" if is_set else ""


def _reason(error: Exception) -> str:
    lines = str(error).strip().splitlines() or [repr(error)]
    if _SCRIPT in lines[0]:
        return (
            "the repository has a loading script, which `datasets` does not run; name its files "
            f"in `data_files`, or set `revision: {PARQUET}` if the hub has converted it (splits "
            "may have other names there)"
        )
    cause = str(error.__cause__ or "").strip().splitlines()
    # Of a file that cannot be had the library tells to check the connection; why, its cause says.
    because = f" ({cause[0][:200]})" if cause and cause[0] not in lines[0] else ""
    return f"{lines[0]}{because}"
