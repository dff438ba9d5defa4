"""Numbers out of the files that units leave and expect, each by what it is."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from starbench.errors import InputError

Numbers = dict[str, float]
"""{what a number is, its keys joined by spaces: the number}"""

AVERAGES = {"STS average": "sts-average", "Average": "beir-average"}
"""Columns of the published tables that no dataset has, by their names in ``tables.csv``."""


def numbers_of(
    paths: Sequence[Path], keys: Sequence[str], where: Mapping[str, Sequence[str | int]]
) -> Numbers:
    """Return the numbers of files.

    Raises InputError, naming the file and the line of a row, for one without a number, and for
    other numbers of the same name.

    Args:
        paths: CSV files with a column ``value``, tables of a report with a column for each
            dataset, or JSON files whose ``cases`` hold numbers at any depth.
        keys: columns that say what a number is.
        where: values of columns; rows with others are left out.
    """
    found: Numbers = {}
    wanted = {column: {str(value) for value in values} for column, values in where.items()}
    for path in paths:
        if path.suffix == ".json":
            found |= dict(_in_json(path))
            continue
        for line, row in enumerate(_rows(path), 2):
            try:
                if not all(row[column] in values for column, values in wanted.items()):
                    continue
                what, value = " ".join(row[key] for key in keys), float(row["value"])
            except (KeyError, TypeError, ValueError) as error:
                raise InputError(f"{path}:{line}: no number is read here: {error}") from None
            if found.setdefault(what, value) != value:
                raise InputError(
                    f"{path}:{line}: a second number is called '{what}': the unit's `keys` "
                    f"({', '.join(keys)}) do not tell the two apart"
                )
    return found


def files_of(patterns: Sequence[str], folder: Path) -> list[Path]:
    """Return the files of patterns below a folder; InputError for a pattern that finds none."""
    found = []
    for pattern in patterns:
        paths = sorted(folder.glob(pattern))
        if not paths:
            raise InputError(f"{folder / pattern}: there is no such file")
        found += paths
    return found


def _rows(path: Path) -> Iterator[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        if "value" in (reader.fieldnames or ()):
            yield from reader
        else:
            for row in reader:
                yield from _cells(row)


@cache
def _published_names() -> tuple[dict[str, str], dict[str, str]]:
    """Return the published systems and datasets: {what tables call it: its name}."""
    from starbench.published import published_config

    config = published_config()
    systems = {config.display("systems", name): name for name in config.systems}
    return systems, {config.display("datasets", name): name for name in config.datasets}


def _cells(row: dict[str, str]) -> Iterator[dict[str, str]]:
    """Yield a row for each cell of a row of the published tables, named as ``tables.csv`` does."""
    systems, datasets = _published_names()
    datasets = AVERAGES | datasets
    for column, value in row.items():
        # Where a table has several metrics, they are part of its columns' names.
        name = datasets.get(column) or datasets.get(column.rpartition(" ")[0])
        if name is not None and row["layers"]:
            yield row | {"system": systems[row["system"]], "dataset": name, "value": value}


def _in_json(path: Path) -> Iterator[tuple[str, float]]:
    try:
        cases = json.loads(path.read_text(encoding="utf-8"))["cases"]
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path}: has no cases: {error}") from None
    for case, facts in cases.items():
        yield from _leaves(case, {key: fact for key, fact in facts.items() if key != "settings"})


def _leaves(name: str, value: Any) -> Iterator[tuple[str, float]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _leaves(f"{name} {key}", inner)
    else:
        yield name, float(value)
