"""The command ``starbench reproduce``: lists units, runs some, and says what came out."""

from __future__ import annotations

import os
import textwrap
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from starbench.reproduce.choice import cost_of, fitting, minutes_of, missing_for, time_shown
from starbench.reproduce.page import write_page
from starbench.reproduce.running import Outcome, run_unit
from starbench.reproduce.units import CHECKOUT, UNITS, Unit, read_units, units_named
from starbench.reproduce.verdicts import WORDS, Compared

SHOWN = 10
"""Numbers beyond the tolerance that the terminal shows of a unit; the page shows all."""


def reproduce_command(
    names: Sequence[str],
    *,
    within: str | None,
    results: Path | None,
    units_file: Path = UNITS,
) -> int:
    """List the units, or run some of them and say what came out.

    Args:
        names: units to run; those that fit `within` if empty. Without either, units are listed.
        within: a time such as ``30m``.
        results: folder of all runs, in which what they make goes to ``reproduce/<unit>``; that of
            the checkout if None.
        units_file: the units.

    Returns:
        0; 1 if a number failed, or if nothing was run.
    """
    units = read_units(units_file)
    if not names and within is None:
        print("\n".join(_list(units)))
        return 0
    chosen = list(units_named(units, names)) if names else list(units)
    minutes = None if within is None else minutes_of(within)
    left_out = _left_out(chosen, minutes)
    folder = (results or Path(os.path.relpath(CHECKOUT / "results"))) / "reproduce"
    outcomes = _run_all(chosen, left_out, folder, minutes)
    print("\n".join(_end(outcomes, [unit for unit in chosen if unit.name in left_out], left_out)))
    left_out |= {unit.name: "was not asked for" for unit in units if unit not in chosen}
    page = write_page(outcomes, [unit for unit in units if unit.name in left_out], left_out, folder)
    print(f"every number with its command: {page}")
    return 0 if outcomes and all(outcome.word != "FAIL" for outcome in outcomes) else 1


def _left_out(units: Sequence[Unit], minutes: float | None) -> dict[str, str]:
    if minutes is not None:
        return fitting(units, minutes)
    return {unit.name: reason for unit in units if (reason := missing_for(unit))}


def _run_all(
    units: Sequence[Unit], left_out: dict[str, str], folder: Path, minutes: float | None
) -> list[Outcome]:
    """Run what is not left out, the cheapest first, and leave out what no longer fits the time."""
    start = time.monotonic()
    outcomes: list[Outcome] = []
    for unit in sorted(units, key=lambda unit: unit.minutes):
        if unit.name in left_out:
            continue
        spent = (time.monotonic() - start) / 60
        if minutes is not None and outcomes and spent + unit.minutes > minutes:
            left_out[unit.name] = f"does not fit what is left of {time_shown(minutes)}"
            continue
        print(f"{unit.name}: {unit.claim} ({cost_of(unit)})", flush=True)
        outcomes.append(run_unit(unit, folder / unit.name))
        print("\n".join(f"  {line}" for line in _said(outcomes[-1])), flush=True)
    return outcomes


def _said(outcome: Outcome) -> list[str]:
    """Return what the terminal shows of a unit that was run."""
    numbers = sorted(outcome.numbers, key=lambda number: -number.difference)
    beyond = [number for number in numbers if number.word != "OK"]
    shown = beyond or numbers[:1]
    lines = [f"{outcome.word:6}{_counted(numbers)}, in {time_shown(outcome.minutes)}"]
    if outcome.problem:
        lines.append(outcome.problem)
    farthest = "" if beyond else "farthest off: "
    lines += [farthest + number_line(number) for number in shown[:SHOWN]]
    if len(beyond) > SHOWN:
        lines.append(f"and {len(beyond) - SHOWN} more")
    return lines


def _counted(numbers: Sequence[Compared]) -> str:
    counts = {word: sum(number.word == word for number in numbers) for word in WORDS}
    return ", ".join(f"{count} {word}" for word, count in counts.items() if count) or "no number"


def number_line(number: Compared) -> str:
    """Return a number as one line: expected, got and the difference."""
    if number.expected is None:
        return f"{number.word} {number.what}: {'there' if number.got is not None else 'missing'}"
    if number.got is None:
        return f"{number.word} {number.what}: expected {number.expected:.6g}, got none"
    return (
        f"{number.word} {number.what}: expected {number.expected:.6g}, got {number.got:.6g} "
        f"({number.got - number.expected:+.2g})"
    )


def _list(units: Sequence[Unit]) -> list[str]:
    width = max(len(unit.name) for unit in units)
    lines = []
    for unit in units:
        missing = missing_for(unit)
        cost = f"{cost_of(unit)} ({unit.cost_source})"
        lines.append(f"{unit.name:{width}}  {cost}{'; ' + missing if missing else ''}")
        lines += textwrap.wrap(unit.claim, 96, initial_indent="    ", subsequent_indent="    ")
    return [
        *lines,
        "",
        "run one: starbench reproduce NAME; all that fit a time: starbench reproduce --within 30m",
    ]


def _end(
    outcomes: Sequence[Outcome], skipped: Sequence[Unit], reasons: Mapping[str, str]
) -> list[str]:
    counts = [f"{sum(one.word == word for one in outcomes)} {word}" for word in WORDS]
    lines = ["", f"{len(outcomes)} run: {', '.join(counts)}; {len(skipped)} skipped"]
    lines += [f"  skipped {unit.name}: {cost_of(unit)}; {reasons[unit.name]}" for unit in skipped]
    if not outcomes:
        lines.append("nothing was run, so nothing is shown to be right")
    return lines
