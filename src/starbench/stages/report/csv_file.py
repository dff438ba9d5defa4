"""Reading a CSV file that a stage wrote: what is not as it was written is named by its line."""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Container, Iterable, Mapping, Sequence
from pathlib import Path

import pandas as pd

from starbench.errors import InputError, did_you_mean

_WHOLE = re.compile(r"[0-9]{1,15}", re.ASCII)


def read_csv_file(
    path: Path, columns: Sequence[str], what: str, added: Container[str] = ()
) -> pd.DataFrame:
    """Return the rows as text; pandas' own reader would skip blank lines and pad short rows.

    A file of an older version may lack the columns `added`, which are then empty.

    Raises InputError, naming file and line, if the file (of `what`) is missing, is not CSV in
    UTF-8, has other columns than `columns`, or has a row of another length.
    """
    if not path.is_file():
        raise InputError(f"no {what} at {path}: run the stage that makes it, or snakemake, first")
    try:
        with path.open(encoding="utf-8", newline="") as file:
            header, *rows = list(csv.reader(file, strict=True)) or [[]]
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path}: not a CSV file in UTF-8 ({error})") from None
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from None
    given = [column for column in columns if column in header or column not in added]
    for column in given:
        if column not in header:
            raise InputError(f"{path}:1: no column '{column}'")
    if len(header) != len(given):
        raise InputError(f"{path}:1: the columns are not {','.join(columns)}")
    for line, row in enumerate(rows, start=2):
        if len(row) != len(header):
            raise InputError(f"{path}:{line}: {len(row)} values for {len(header)} columns")
    table = pd.DataFrame(rows, columns=header, dtype=str)
    return table.reindex(columns=list(columns), fill_value="")


def check_names(table: pd.DataFrame, path: Path, valid: Mapping[str, Iterable[object]]) -> None:
    """Raise InputError for the first value of a column that is not one of its names."""
    for column, names in valid.items():
        known = {str(name) for name in names}
        for line, name in enumerate(table[column], start=2):
            if name not in known:
                raise InputError(f"{path}:{line}: no {column} '{name}'{did_you_mean(name, known)}")


def with_numbers(
    table: pd.DataFrame, path: Path, whole: Sequence[str], decimal: Sequence[str]
) -> pd.DataFrame:
    """Return the table with columns of whole numbers and of others, NaN where a file says nan.

    Raises InputError for what is not a number; whole numbers are not negative, none is infinite.
    """
    for column in whole:
        for line, text in enumerate(table[column], start=2):
            if not _WHOLE.fullmatch(text):
                raise InputError(f"{path}:{line}: {column} '{text}' is not a whole number")
    for column in decimal:
        for line, text in enumerate(table[column], start=2):
            number = as_number(text)
            if number is None or math.isinf(number):
                raise InputError(f"{path}:{line}: {column} '{text}' is not a number")
    types = dict.fromkeys(whole, "int64") | dict.fromkeys(decimal, "float64")
    return table.astype(types)


def as_number(text: str) -> float | None:
    """Return a number as Python writes one, None for any other text."""
    try:
        return float(text) if text.isascii() and "_" not in text and text == text.strip() else None
    except ValueError:
        return None
