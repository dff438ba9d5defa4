"""Scores as tidy CSV: one row a number, the only thing that tables and figures are made of."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from starbench.config import Config
from starbench.errors import InputError
from starbench.files import written_whole
from starbench.models import models_of
from starbench.paths import RunPaths
from starbench.sizes import Size

COLUMNS = (
    "system",
    "seed",
    "layers",
    "dim",
    "size",
    "track",
    "dataset",
    "metric",
    "value",
    "queries",
)


class Score(NamedTuple):
    """One number; `queries` is how many queries or pairs it is over."""

    system: str
    seed: int
    size: Size
    track: str
    dataset: str
    metric: str
    value: float
    queries: int

    def row(self) -> list[str]:
        """Return the CSV row, the value unrounded."""
        return [
            self.system,
            str(self.seed),
            str(self.size.layers),
            str(self.size.dim),
            str(self.size),
            self.track,
            self.dataset,
            self.metric,
            repr(self.value),
            str(self.queries),
        ]


def write_scores(path: Path, scores: Iterable[Score]) -> None:
    """Write scores to a CSV file in one step."""
    with written_whole(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(score.row() for score in scores)


def collect_scores(path: Path, parts: Sequence[Path]) -> None:
    """Put the scores of all models and datasets into one file, in the order of `parts`."""
    with written_whole(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as out:
        out.write(",".join(COLUMNS) + "\n")
        for part in parts:
            header, *rows = part.read_text(encoding="utf-8").splitlines(keepends=True)
            if header.strip() != ",".join(COLUMNS):
                raise InputError(f"{part}:1: the columns are not {','.join(COLUMNS)}")
            out.writelines(rows)


def collect_run(config: Config, paths: RunPaths) -> None:
    """Put the scores of the whole run into ``scores.csv``."""
    parts = [
        paths.scores(track, model.name, seed, dataset)
        for track in config.tracks
        for model in models_of(config, track)
        for seed in config.seeds
        for dataset in config.tracks[track].tasks
    ]
    collect_scores(paths.all_scores, parts)
