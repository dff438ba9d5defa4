"""Scores as tidy CSV: one row per number, the only thing that tables and figures are made of."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from starbench.machine.files import written_whole
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
    "bits",
)

ADDED = {"bits"}
"""Columns of scores and tests that files of older versions do not have: they are of what is
stored."""

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

EXIT_COLUMNS = (
    "system",
    "seed",
    "dataset",
    "chain",
    "policy",
    "upto",
    "threshold",
    "accuracy",
    "dims",
    "dims_read",
    "layers",
    "multiply_adds",
    "texts",
)

ASYMMETRIC_COLUMNS = (
    "system",
    "seed",
    "track",
    "dataset",
    "query_layers",
    "passage_layers",
    "dim",
    "metric",
    "value",
    "queries",
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
    "bits",
)

LEAKAGE_COLUMNS = (
    "track",
    "training",
    "dataset",
    "exact",
    "normalised",
    "scored",
    "training_rows",
)

BM25 = "bm25"
"""What scores and paths call BM25, which is a system without a size."""

SCORES, ADAPTIVE = "scores.csv", "adaptive.csv"
"""The files of scores in a folder of one model on one dataset."""

EXITS = "exits.csv"
"""Classification: what is right, and what it takes, if each text leaves at the first size that is
confident enough."""

CORRECT = "correct.npy"
"""Classification: whether each text's label is right at every cell (cells, texts), uint8."""

ASYMMETRIC = "asymmetric.csv"
"""The file of scores with queries of other layers, in a folder of one model on one dataset."""

BY_QUERY = "queries.csv.gz"
"""Retrieval: every query's measures at every cell, for tests of significance."""

SIMILARITIES = "similarities.npy"
"""STS: every pair's cosine at every cell (cells, pairs), float32, for tests of significance."""

TASK_RESULTS = "tasks"
"""MTEB's tasks: the folder of its own result file of every cell, ``<size>.json``."""


def of_bits(file: str, bits: str) -> str:
    """Return what `BY_QUERY` or `SIMILARITIES` is called of one representation, "" as stored."""
    if not bits:
        return file
    stem, _, ending = file.partition(".")
    return f"{stem}-{bits}.{ending}"


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
    bits: str = ""
    """The representation of the vectors, as `int8` or `binary+float32`; none where there are no
    vectors."""

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
            self.bits,
        ]


def write_scores(path: Path, scores: Iterable[Score]) -> None:
    """Write scores to a CSV file in one step."""
    with written_whole(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(score.row() for score in scores)
