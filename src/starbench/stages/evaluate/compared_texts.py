"""Comparing systems on labelled texts: tests of which labels are right."""

# C = comparisons, N = texts

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from starbench.config.config import Config
from starbench.errors import InputError
from starbench.run.models import Model
from starbench.run.paths import RunPaths
from starbench.stages.evaluate.entries import AGAIN, Entry, Outcome, Outcomes, Pair
from starbench.stages.evaluate.significance import mcnemar_test, randomisation_test
from starbench.store.arrays import load_array
from starbench.store.artifacts import opened
from starbench.store.records import read_records
from starbench.store.scores import CORRECT


def compare(
    config: Config,
    paths: RunPaths,
    dataset: str,
    models: Mapping[Entry, Model],
    pairs: Sequence[Pair],
) -> tuple[Outcomes, int]:
    """Return the comparisons on one labelled dataset, and over how many texts they are."""
    texts = len(read_records(paths.dataset(dataset)))
    stored = {
        model.name: np.mean(
            [
                _correct(paths.scores(model.track, model.name, seed) / dataset, model, texts)
                for seed in model.seeds
            ],
            axis=0,
        )
        for model in models.values()
    }
    shares = {
        entry: stored[model.name][model.cells.index(entry.size)] for entry, model in models.items()
    }
    return compare_texts(shares, pairs, config.report.resamples), texts


def compare_texts(
    shares: Mapping[Entry, np.ndarray], pairs: Sequence[Pair], resamples: int
) -> Outcomes:
    """Return the comparisons on one dataset.

    Args:
        shares: the share of the seeds (N,) with which each entry tells each text's label.
        pairs: what to compare.
        resamples: resamples of the randomisation test.
    """
    differences_CN = np.stack([shares[one] - shares[other] for one, other in pairs])
    flipped = randomisation_test(differences_CN, resamples=resamples)
    found: Outcomes = {"mcnemar": {}, "randomisation": {}}
    for pair, differences_N, p in zip(pairs, differences_CN, flipped, strict=True):
        difference = float(differences_N.mean())
        found["mcnemar"][pair] = Outcome(difference, mcnemar_test(differences_N))
        found["randomisation"][pair] = Outcome(difference, float(p))
    return found


def _correct(folder: Path, model: Model, texts: int) -> np.ndarray:
    """Return whether each text's label is right at each cell (cells, N)."""
    opened(folder, "evaluate", [CORRECT])
    path = folder / CORRECT
    array = np.array(load_array(path))
    if array.shape != (len(model.cells), texts) or array.dtype != np.uint8:
        raise InputError(
            f"{path} is an array of {array.dtype} {array.shape}, not of uint8 "
            f"{(len(model.cells), texts)}: {AGAIN}"
        )
    return array
