"""Which scores a table marks: those that differ significantly from the compared system's."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from starbench.config.config import Config
from starbench.errors import InputError
from starbench.sizes import Size
from starbench.stages.report.csv_file import check_names, read_csv_file, with_numbers
from starbench.stages.report.groups import system_name
from starbench.stages.report.scores import check_bits
from starbench.store.scores import ADDED, SIGNIFICANCE_COLUMNS
from starbench.tracks import TRACKS

MARK = "*"
TEST_NAMES = {name: test.title for track in TRACKS.values() for name, test in track.tests.items()}
"""What tables call the tests."""
CORRECTIONS = {"none": "p", "holm": "holm", "bonferroni": "bonferroni"}
"""Column of ``significance.csv`` by the config's name of the correction."""


@dataclass(frozen=True)
class Marks:
    """The marked scores, and what the mark means."""

    scores: frozenset[tuple[str, Size, str]] = frozenset()
    """(system, size, dataset) of each"""
    notes: dict[str, str] | None = None
    """{track: what the mark means}"""

    def note(self, tracks: Iterable[str]) -> str:
        """Return what the mark means in a table of some tracks; nothing where none is tested."""
        notes = self.notes or {}
        found = [notes[track] for track in dict.fromkeys(tracks) if track in notes]
        return f"{MARK} " + "; ".join(dict.fromkeys(found)) + "." if found else ""


def read_tests(path: Path, config: Config) -> pd.DataFrame:
    """Return ``significance.csv``: comparisons of what is stored, and of fewer bits with it.

    Raises InputError, naming file and line, for other columns, unknown names, or no numbers.
    """
    tests = read_csv_file(path, SIGNIFICANCE_COLUMNS, "tests of significance", ADDED)
    names: dict[str, Iterable[object]] = {
        "track": config.tracks,
        "dataset": config.datasets,
        "system": config.systems,
        "against": config.systems,
        "test": TEST_NAMES,
    }
    check_names(tests, path, names)
    check_bits(tests, path, config)
    whole = ["layers", "dim", "against_layers", "against_dim", "queries"]
    tests = with_numbers(tests, path, whole, ["difference", "p", "holm", "bonferroni"])
    for column in ("p", "holm", "bonferroni"):
        for line, p_value in enumerate(tests[column], start=2):
            if p_value < 0 or p_value > 1:
                raise InputError(f"{path}:{line}: {column} {p_value} is not a probability")
    return tests


def marks_of(tests: pd.DataFrame, config: Config) -> Marks:
    """Return what the config's tests mark at the config's level."""
    options = config.report
    marked = significant(tests, config)
    marked = marked[marked["system"] != marked["against"]]
    found = zip(marked["system"], marked["layers"], marked["dim"], marked["dataset"], strict=True)
    against = system_name(config, config.compared_system)
    of = "" if options.correction == "none" else f" after {options.correction.capitalize()}"
    notes = {
        track: f"differs from {against} with p < {options.level:g}{of} "
        f"({TEST_NAMES[test]}, on {TRACKS[track].title})"
        for track in config.tracks
        if (test := options.test_of(track)) is not None
    }
    scores = frozenset((system, Size(n, d), dataset) for system, n, d, dataset in found)
    return Marks(scores, notes if len(config.systems) > 1 else None)


def significant(tests: pd.DataFrame, config: Config) -> pd.DataFrame:
    """Return the comparisons by the config's tests that are below the config's level."""
    chosen = chosen_tests(tests, config)
    return chosen[chosen[CORRECTIONS[config.report.correction]] < config.report.level]


def chosen_tests(tests: pd.DataFrame, config: Config) -> pd.DataFrame:
    """Return the comparisons by the tests that the config chooses for marks."""
    chosen = {track: config.report.test_of(track) for track in config.tracks}
    return tests[tests["test"] == tests["track"].map(chosen)]
