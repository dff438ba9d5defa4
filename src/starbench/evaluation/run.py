"""Running the scoring of one model on one dataset, all cells of the grid in one job."""

from __future__ import annotations

import logging
import math

from starbench.config import Config
from starbench.data.store import read_records
from starbench.embedding.store import StoredEmbeddings
from starbench.evaluation.scores import Score, write_scores
from starbench.evaluation.sts import sts_scores
from starbench.models import model_named
from starbench.paths import RunPaths

log = logging.getLogger(__name__)


def score_dataset(
    config: Config, paths: RunPaths, track: str, name: str, seed: int, dataset: str
) -> None:
    """Score one model's embeddings of a dataset at every cell and write the scores as CSV."""
    model = model_named(config, track, name)
    rows = read_records(paths.dataset(dataset))
    embeddings = StoredEmbeddings(paths.embeddings(track, name, seed, dataset))
    found = sts_scores(dataset, rows, embeddings, list(model.cells))
    scores = [
        Score(system, seed, size, track, dataset, metric, value, len(rows))
        for system, wanted in model.scored()
        for size, metric, value in found
        if size == wanted
    ]
    for score in scores:
        if math.isnan(score.value):
            log.warning(
                "%s of %s at %s on %s is not a number: all similarities are equal",
                score.metric,
                name,
                score.size,
                dataset,
            )
    write_scores(paths.scores(track, name, seed, dataset), scores)
