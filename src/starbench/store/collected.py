"""One CSV file of the run from many of single jobs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from starbench.errors import InputError
from starbench.store.checksums import written_with_checksum


def collect(
    path: Path,
    parts: Sequence[Path],
    columns: Sequence[str],
    last: Mapping[Path, str] = MappingProxyType({}),
) -> None:
    """Put CSV files of the same columns into one, in the order of `parts`, and its checksum.

    A file of an older version has all columns but the last one, whose value `last` gives.

    Raises InputError, naming the file, for one that is not there, damaged or of other columns.
    """
    with (
        written_with_checksum(path) as temporary,
        temporary.open("w", encoding="utf-8", newline="") as out,
    ):
        out.write(",".join(columns) + "\n")
        for part in parts:
            out.writelines(_rows(part, columns, last.get(part)))


def _rows(part: Path, columns: Sequence[str], last: str | None) -> list[str]:
    try:
        text = part.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(f"cannot read {part}: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise InputError(f"{part}: not in UTF-8 ({error.reason})") from None
    header, *rows = text.splitlines(keepends=True) or [""]
    older = last is not None and header.strip() == ",".join(columns[:-1])
    if not older and header.strip() != ",".join(columns):
        raise InputError(f"{part}:1: the columns are not {','.join(columns)}")
    if not text.endswith("\n"):
        raise InputError(f"{part}:{len(rows) + 1}: the file ends within a line: it was cut")
    return [f"{row.rstrip()},{last}\n" for row in rows] if older else rows
