"""Writing down which scored pairs and queries occur in the training data of a run."""

from __future__ import annotations

import csv
import logging
from dataclasses import astuple

from starbench.config.config import Config
from starbench.machine.files import written_whole
from starbench.run.leakage import leakages
from starbench.run.paths import RunPaths
from starbench.store.scores import LEAKAGE_COLUMNS

log = logging.getLogger(__name__)


def write_leakage(config: Config, paths: RunPaths) -> None:
    """Write ``leakage.csv`` of a run: a row for each training and each scored dataset.

    Raises InputError for a dataset that is not fetched.
    """
    found = leakages(config, paths)
    with (
        written_whole(paths.leakage) as temporary,
        temporary.open("w", encoding="utf-8", newline="") as out,
    ):
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(LEAKAGE_COLUMNS)
        writer.writerows(map(astuple, found))
    for part in found:
        if part.normalised:
            log.warning(
                "%d of %d pairs or queries of %s occur in the training data %s",
                part.normalised,
                part.scored,
                part.dataset,
                part.training,
            )
