"""Scores as tidy CSV: one row a number, the only thing that tables and figures are made of."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from starbench.config.config import Config
from starbench.errors import InputError
from starbench.machine.files import written_whole
from starbench.run.models import models_of
from starbench.run.paths import RunPaths
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


ADAPTIVE_COLUMNS = (
    "system",
    "seed",
    "dataset",
    "passages",
    "cascade",
    "metric",
    "value",
    "exact",
    "multiply_adds",
    "exact_multiply_adds",
    "bytes_read",
    "exact_bytes_read",
)

SIGNIFICANCE_COLUMNS = (
    "track",
    "dataset",
    "metric",
    "system",
    "layers",
    "dim",
    "against",
    "against_layers",
    "against_dim",
    "difference",
    "test",
    "p",
    "holm",
    "bonferroni",
    "queries",
)

SCORES, ADAPTIVE = "scores.csv", "adaptive.csv"
"""The files of scores in a folder of one model on one dataset."""

BY_QUERY = "queries.csv.gz"
"""Retrieval: every query's measures at every cell, for tests of significance."""

SIMILARITIES = "similarities.npy"
"""STS: every pair's cosine at every cell (cells, pairs), float32, for tests of significance."""

STS_METRICS = ("cosine_spearman", "cosine_pearson")
"""The measures of STS, the one that is shown first; spelt as MTEB spells them."""


class Score(NamedTuple):
    """One number; `queries` is how many queries or pairs it is over.

    What has no layers and dimensions, as BM25, has no size.
    """

    system: str
    seed: int
    size: Size | None
    track: str
    dataset: str
    metric: str
    value: float
    queries: int

    def row(self) -> list[object]:
        """Return the CSV row, the value unrounded."""
        return [
            self.system,
            str(self.seed),
            *((self.size.layers, self.size.dim, self.size) if self.size else ("", "", "")),
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


def collect(path: Path, parts: Sequence[Path], columns: Sequence[str]) -> None:
    """Put CSV files of the same columns into one, in the order of `parts`."""
    with written_whole(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as out:
        out.write(",".join(columns) + "\n")
        for part in parts:
            header, *rows = part.read_text(encoding="utf-8").splitlines(keepends=True)
            if header.strip() != ",".join(columns):
                raise InputError(f"{part}:1: the columns are not {','.join(columns)}")
            out.writelines(rows)


def collect_run(config: Config, paths: RunPaths) -> None:
    """Put the scores of the whole run into ``scores.csv``, adaptive retrieval's beside it."""
    folders = score_folders(config, paths)
    collect(paths.all_scores, [folder / SCORES for folder in folders], COLUMNS)
    adaptive = [folder / ADAPTIVE for folder in folders if (folder / ADAPTIVE).is_file()]
    if config.tries_adaptive:
        collect(paths.all_adaptive, adaptive, ADAPTIVE_COLUMNS)


def score_folders(config: Config, paths: RunPaths) -> list[Path]:
    """Return the folder of every model's scores on every dataset, then those of BM25."""
    folders = [
        paths.scores(track, model.name, seed) / dataset
        for track in config.tracks
        for model in models_of(config, track)
        for seed in config.seeds
        for dataset in config.tracks[track].scored
    ]
    return folders + [paths.bm25() / dataset for dataset in config.bm25_datasets]
