"""A run's scores beside the published ones: the same system, size, dataset and metric."""

from __future__ import annotations

import pandas as pd

from starbench.config.config import Config
from starbench.measures import label_of
from starbench.published import AVERAGES, published_tables
from starbench.sizes import Size
from starbench.stages.report.groups import system_name
from starbench.stages.report.numbers import shorten
from starbench.stages.report.tables.formats import plain_table

KEYS = ["system", "layers", "dim", "dataset", "metric"]
HEAD = ["Size", "System", "Dataset", "Metric", "Published", "This run", "Difference"]


def compare_with_paper(scores: pd.DataFrame, config: Config) -> pd.DataFrame:
    """Return what run and paper share: columns `KEYS`, size, published, value, difference.

    `value` is the mean over the run's seeds.
    """
    published = published_tables()
    published = published[~published["dataset"].isin(AVERAGES)]
    published = published.rename(columns={"value": "published"})[[*KEYS, "size", "published"]]
    own = scores.groupby(KEYS, as_index=False, sort=False)["value"].mean()
    shared = published.merge(own, on=KEYS)
    return shared.assign(difference=shared["value"] - shared["published"])


def comparison_tables(shared: pd.DataFrame, config: Config, manifest: str = "") -> dict[str, str]:
    """Return the comparison as {csv, md, tex}."""
    rows = [
        [
            config.size_label(Size(row.layers, row.dim)),
            system_name(config, row.system),
            config.display("datasets", row.dataset),
            label_of(row.metric),
            shorten(row.published),
            shorten(row.value),
            shorten(row.difference),
        ]
        for row in shared.itertuples()
    ]
    return plain_table(shared, HEAD, rows, manifest)
