"""The page of `starbench reproduce`: every number that was compared, unfolding to its command."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from pathlib import Path

from starbench.machine.files import write_text
from starbench.reproduce.choice import cost_of, time_shown
from starbench.reproduce.running import Outcome
from starbench.reproduce.units import Unit
from starbench.reproduce.verdicts import WORDS, Compared
from starbench.stages.report.summary import PAGE

TITLE = "What Starbench claims, made again"
MEANING = (
    "OK: within the tolerance of the number. OKish: beyond it, and within what another kind of "
    "processor or another version of a library may change. FAIL: further off, or not made."
)


def write_page(
    outcomes: Sequence[Outcome], skipped: Sequence[Unit], reasons: Mapping[str, str], folder: Path
) -> Path:
    """Write ``report.html`` into a folder and return its path."""
    parts = [f"<h1>{TITLE}</h1>", f"<p>{MEANING}</p>"]
    parts += [_unit(outcome) for outcome in outcomes]
    if skipped:
        rows = [
            f"<tr><td>{unit.name}</td><td>{_text(unit.claim)}</td><td>{cost_of(unit)}</td>"
            f"<td>{_text(reasons[unit.name])}</td><td><code>{_text(unit.command)}</code></td></tr>"
            for unit in skipped
        ]
        head = "<tr><th>Unit</th><th>Claim</th><th>Cost</th><th>Why</th><th>Command</th></tr>"
        parts.append(f"<h2>Skipped</h2>\n<table>\n{head}\n" + "\n".join(rows) + "\n</table>")
    path = folder / "report.html"
    write_text(path, PAGE.format(title=TITLE, body="\n".join(parts)))
    return path


def _unit(outcome: Outcome) -> str:
    unit = outcome.unit
    pages = ", ".join(f"<code>{_text(page)}</code>" for page in unit.pages)
    problem = f"<p><b>{_text(outcome.problem)}</b></p>" if outcome.problem else ""
    ordered = sorted(outcome.numbers, key=lambda number: -WORDS.index(number.word))
    rows = "\n".join(_row(number, outcome.command) for number in ordered)
    head = (
        "<tr><th>Number</th><th>Expected</th><th>Got</th><th>Difference</th><th>Verdict</th></tr>"
    )
    return (
        f"<h2>{unit.name}: {outcome.word}</h2>\n<p>{_text(unit.claim)}. Claimed in {pages}. "
        f"It took {time_shown(outcome.minutes)}.</p>\n{problem}\n"
        f"<p><code>{_text(outcome.command)}</code></p>\n"
        f"<details><summary>{len(ordered)} compared</summary>\n"
        f"<table>\n{head}\n{rows}\n</table>\n</details>"
    )


def _row(number: Compared, command: str) -> str:
    expected, got, difference = "", "none", ""
    if number.expected is None:
        got = "missing" if number.got is None else "there"
    else:
        expected = f"{number.expected:.6g}"
        if number.got is not None:
            got = f"{number.got:.6g}"
            difference = f"{number.got - number.expected:+.2g}"
    made = f"<details><summary>{got}</summary><code>{_text(command)}</code></details>"
    cells = [_text(number.what), expected, made, difference, number.word]
    return "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"


def _text(text: str) -> str:
    return html.escape(text)
