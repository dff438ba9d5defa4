"""The units of `starbench reproduce`: what is claimed, the command, and what it should give."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import Field, ValidationError, model_validator

from starbench.errors import InputError, did_you_mean
from starbench.section import Display, Name, Section

CHECKOUT = Path(__file__).parents[3]
UNITS = CHECKOUT / "results" / "reference" / "units.yaml"

Need = Literal["data", "minilm", "gpu"]
SCORE_KEYS = ["system", "seed", "layers", "dim", "dataset", "metric"]


class Check(Section):
    """One comparison: numbers that a command left, and what they should be."""

    files: list[str] = Field(default=[], description="files that must be there and not be empty")
    got: list[str] = Field(default=[], description="CSV files with the numbers; may have `*`")
    keys: list[str] = Field(
        default=SCORE_KEYS, min_length=1, description="columns that say what a number is"
    )
    where: dict[str, list[str | int]] = Field(
        default={}, description="values of columns: only these rows of `expected` are compared"
    )
    expected: str | None = Field(
        default=None, description="file of the checkout with the expected numbers: CSV, or JSON"
    )
    values: dict[str, float] = Field(
        default={}, description="expected numbers by their keys, joined by spaces"
    )
    tolerance: float = Field(ge=0, description="difference up to which a number is OK")
    wide: float = Field(ge=0, description="difference up to which it is OKish")
    relative: bool = Field(default=False, description="whether differences are relative")

    @model_validator(mode="after")
    def _has_one_expectation(self) -> Check:
        if self.wide < self.tolerance:
            raise ValueError("wide: is below tolerance")
        sides = [bool(self.got), self.expected is not None or bool(self.values)]
        if sides[0] != sides[1] or not (self.files or self.got):
            raise ValueError("a check has `files`, or `got` with `expected` or `values`")
        if self.expected is not None and self.values:
            raise ValueError("a check has `expected` or `values`, not both")
        return self


class Unit(Section):
    """Something that the project claims, and the command that makes it again."""

    name: Name
    claim: Display = Field(description="what is claimed, in a line")
    pages: list[str] = Field(min_length=1, description="pages and files that claim it")
    command: Display = Field(
        description="run by bash in the checkout; {folder} is a new folder for what it makes"
    )
    needs: list[Need] = Field(default=[], description="what must be there besides the checkout")
    device: Literal["processor", "gpu"] = "processor"
    minutes: float = Field(gt=0, description="cost: wall time on two quiet cores, or on the GPU")
    cost_source: Literal["measured", "planned", "estimated"] = "measured"
    checks: list[Check] = Field(min_length=1)


def read_units(path: Path = UNITS) -> list[Unit]:
    """Return the units of a file, in its order.

    Raises InputError where there is no such file, as beside an installed wheel, and for a unit that
    cannot be right; the message names the file, the unit and the key.
    """
    if not path.is_file():
        raise InputError(
            f"{path}: there are no units: what is claimed is compared in a clone of Starbench's "
            "repository, and this package is not in one"
        )
    try:
        listed = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise InputError(f"{path}: {' '.join(str(error).split())}") from None
    if not isinstance(listed, list) or not listed:
        raise InputError(f"{path}: is not a list of units")
    units = [_unit(path, number, value) for number, value in enumerate(listed, 1)]
    names = [unit.name for unit in units]
    for name in names:
        if names.count(name) > 1:
            raise InputError(f"{path}: there are two units '{name}'")
    return units


def _unit(path: Path, number: int, value: Any) -> Unit:
    name = value.get("name", f"number {number}") if isinstance(value, dict) else f"number {number}"
    try:
        return Unit.model_validate(value)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"]))
        where = f": {key}" if key else ""
        raise InputError(f"{path}: unit '{name}'{where}: {first['msg']}") from None


def units_named(units: Sequence[Unit], names: Sequence[str]) -> Iterator[Unit]:
    """Yield the units with these names, in the order of `units`; InputError for an unknown name."""
    known = [unit.name for unit in units]
    for name in names:
        if name not in known:
            raise InputError(f"there is no unit '{name}'{did_you_mean(name, known)}")
    yield from (unit for unit in units if unit.name in names)
