"""Running a unit: its command in a new folder, and what it made beside what was expected."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from starbench.errors import InputError
from starbench.reproduce.numbers import files_of, numbers_of
from starbench.reproduce.units import CHECKOUT, Check, Unit
from starbench.reproduce.verdicts import Compared, Word, compared, worst

LOG = "log.txt"


@dataclass(frozen=True)
class Outcome:
    """A unit that was run."""

    unit: Unit
    command: str
    """As it was run."""
    numbers: Sequence[Compared]
    minutes: float
    problem: str = ""
    """Why nothing, or not all, could be compared."""

    @property
    def word(self) -> Word:
        """The worst of its numbers; FAIL if there is a problem."""
        return "FAIL" if self.problem else worst(number.word for number in self.numbers)


def run_unit(unit: Unit, folder: Path, checkout: Path = CHECKOUT) -> Outcome:
    """Run a unit from the start and compare what it made.

    Args:
        unit: what to run.
        folder: where it goes; what an earlier run left there is removed.
        checkout: the folder that commands are run in.

    Raises InputError if something else is in the folder.
    """
    if folder.exists():
        if not (folder / LOG).is_file():
            raise InputError(
                f"{folder}: no {LOG} of an earlier run is in it, so it may be something else; "
                "remove it, or give another folder with --results"
            )
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    command = unit.command.strip().replace("{folder}", shlex.quote(_within(folder, checkout)))
    start = time.monotonic()
    status = _run(command, folder / LOG, checkout)
    minutes = (time.monotonic() - start) / 60
    if status:
        problem = f"the command ended with status {status}: {_last_line(folder / LOG)}"
        return Outcome(unit, command, [], minutes, f"{problem} (all of it: {folder / LOG})")
    numbers: list[Compared] = []
    try:
        for check in unit.checks:
            numbers += compare(check, folder, checkout)
    except InputError as error:
        return Outcome(unit, command, numbers, minutes, str(error))
    return Outcome(unit, command, numbers, minutes)


def _within(folder: Path, checkout: Path) -> str:
    """Return a folder as seen from the checkout: what is shown holds no path of this machine."""
    absolute = folder.resolve()
    inside = absolute.is_relative_to(checkout.resolve())
    return str(absolute.relative_to(checkout.resolve()) if inside else absolute)


def _run(command: str, log: Path, checkout: Path) -> int:
    # Commands are found as in this Python's environment, whether or not it is activated.
    scripts = str(Path(sys.executable).parent)
    environment = os.environ | {"PATH": f"{scripts}{os.pathsep}{os.environ.get('PATH', '')}"}
    with log.open("wb") as out:
        return subprocess.run(
            ["bash", "-euo", "pipefail", "-c", command],
            cwd=checkout,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            check=False,
        ).returncode


def _last_line(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").split("\n")
    return next((line.strip() for line in reversed(lines) if line.strip()), "it said nothing")


def compare(check: Check, folder: Path, checkout: Path) -> list[Compared]:
    """Return what a check says of the files in a folder: each file, and each expected number."""
    found = []
    for name in check.files:
        there = (folder / name).is_file() and (folder / name).stat().st_size > 0
        found.append(Compared(name, None, 0.0 if there else None, "OK" if there else "FAIL"))
    if check.got:
        expected = check.values
        if check.expected is not None:
            paths = files_of([check.expected], checkout)
            expected = numbers_of(paths, check.keys, check.where)
        got = numbers_of(files_of(check.got, folder), check.keys, {})
        found += compared(check, expected, got)
    return found
