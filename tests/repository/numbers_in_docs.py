"""Numbers within sentences of the docs, made from `results/reference` as its tables are.

A comment directly before a number says which one it is:

    SRL has <!-- number: minilm-sts, score, sts, minilm-srl, 6/384 -->.8100 at the full size.

These are a folder of `results/reference/`, a function of `FUNCTIONS`, and its arguments. The
comment does not begin a line: Markdown would end the paragraph there.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import pandas as pd

from starbench.config.config import Config
from starbench.config.reading import load_config
from starbench.sizes import Size
from starbench.stages.report.groups import Group, groups_of
from starbench.stages.report.numbers import shorten
from starbench.stages.report.scores import at_size, averages, by_dataset, read_scores
from starbench.stages.report.tables.exits import chains, compared, read_exits
from starbench.store.train_log import LOG_FILE, read_log

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "results" / "reference"

NUMBER = re.compile(
    r"<!-- number: (?P<what>[^>]*?) -->(?P<number>[-+]?\d*\.?\d+(?: of \d+)?(?: %)?)"
)
ALPHA = 0.05


def with_numbers(page: str) -> str:
    """Return a page with the numbers that the results give."""
    return NUMBER.sub(
        lambda found: f"<!-- number: {found['what']} -->{number(found['what'])}", page
    )


def number(what: str) -> str:
    """Return the number that a comment asks for, as the page shows it."""
    run, function, *arguments = what.split(", ")
    return FUNCTIONS[function](run, *arguments)


@cache
def _scores(run: str) -> pd.DataFrame:
    return read_scores(REFERENCE / run / "scores.csv", load_config(REFERENCE / run / "config.yaml"))


@cache
def _group(run: str, name: str) -> Group:
    return group_named(load_config(REFERENCE / run / "config.yaml"), name)


def group_named(config: Config, name: str) -> Group:
    """Return a group of datasets; ``classification by nn_accuracy`` is one with another metric."""
    name, _, metric = name.partition(" by ")
    group = next(group for group in groups_of(config) if group.name == name)
    return replace(group, metrics=dict.fromkeys(group.metrics, metric)) if metric else group


@cache
def _sizes(run: str) -> dict[str, tuple[int, int]]:
    """Return {what a size is called: (layers, dim)}, from the smallest to the full one."""
    config = load_config(REFERENCE / run / "config.yaml")
    return {config.size_label(size): (size.layers, size.dim) for size in config.trained_sizes}


def _chosen(run: str, sizes: str) -> list[str]:
    names = list(_sizes(run))
    return {"all": names, "below full": names[:-1]}.get(sizes) or sizes.split(" and ")


def _mean(run: str, group: str, system: str, size: str, seed: str = "") -> float:
    """Return the mean over the datasets of a group, and over the seeds or of one."""
    table = averages(_scores(run), _group(run, group))
    rows = at_size(table, system, Size(*_sizes(run)[size]))
    if seed:
        rows = rows[rows["seed"] == int(seed.removeprefix("seed "))]
    assert len(rows), (run, group, system, size, seed)
    return float(rows["value"].mean())


def score(run: str, group: str, system: str, size: str, seed: str = "") -> str:
    """Return the average of a system at a size."""
    return shorten(_mean(run, group, system, size, seed))


def at(run: str, system: str, metric: str, cell: str) -> str:
    """Return the mean over the seeds of one metric at any cell of the grid, of a single dataset."""
    table = _scores(run)
    rows = at_size(table[table["metric"] == metric], system, Size(*map(int, cell.split("/"))))
    assert len(rows) and rows["dataset"].nunique() == 1, (run, system, metric, cell)
    return shorten(float(rows["value"].mean()))


def gap(run: str, group: str, left: str, right: str, sizes: str, which: str) -> str:
    """Return how far one system is above another one, the least or the most over some sizes."""
    found = [
        _mean(run, group, left, size) - _mean(run, group, right, size)
        for size in _chosen(run, sizes)
    ]
    return shorten({"least": min, "most": max}[which](found), 3)


def above(run: str, group: str, left: str, right: str) -> str:
    """Return in how many pairs of size and dataset one system's mean over seeds is the higher."""
    table = by_dataset(_scores(run), _group(run, group))
    means = table.groupby(["system", "layers", "dim"])[_group(run, group).datasets].mean()
    differences = pd.concat(
        [means.loc[(left, *size)] - means.loc[(right, *size)] for size in _sizes(run).values()]
    )
    return f"{(differences > 0).sum()} of {len(differences)}"


def told_apart(run: str, group: str, left: str, right: str, sizes: str, by: str) -> str:
    """Return in how many pairs of size and dataset one system is significantly above another one.

    By a test after Holm, named as `bootstrap` or, from another file, `bootstrap in <stem>`.
    """
    test, _, file = by.partition(" in ")
    tests = pd.read_csv(REFERENCE / run / f"{file or 'significance'}.csv")
    wanted = [_sizes(run)[size] for size in _chosen(run, sizes)]
    metrics = _group(run, group).metrics
    kept = [
        row
        for row in tests.itertuples()
        if row.test == test
        and {row.system, row.against} == {left, right}
        and (row.layers, row.dim) == (row.against_layers, row.against_dim)
        and (row.layers, row.dim) in wanted
        and metrics.get(row.dataset) == row.metric
    ]
    significant = [
        row for row in kept if row.holm < ALPHA and (row.difference > 0) == (row.system == left)
    ]
    assert kept, (run, left, right)
    return f"{len(significant)} of {len(kept)}"


def shortlist(run: str, dataset: str, system: str, size: str, what: str) -> str:
    """Return what shortlisting with a size finds, what exact search does, or its share of work."""
    table = pd.read_csv(REFERENCE / run / "adaptive.csv")
    metric = load_config(REFERENCE / run / "config.yaml").datasets[dataset].metric
    wanted = {"system": system, "dataset": dataset, "metric": metric}
    rows = table[(table[list(wanted)] == pd.Series(wanted)).all(axis=1)]
    smallest = f"{Size(*_sizes(run)[size])} -> "
    is_pair = rows["cascade"].str.count("->") == 1
    (row,) = rows[rows["cascade"].str.startswith(smallest) & is_pair].itertuples()
    if what == "work":
        return f"{row.multiply_adds / row.exact_multiply_adds:.0%}".replace("%", " %")
    return shorten({"found": row.value, "exact": row.exact}[what])


def leaving(run: str, chain: str, system: str, size: str, what: str) -> str:
    """Return what adaptive classification up to a size gives, a mean of the seeds.

    `what` is a column of its table (`accuracy`, `oracle`, `dims`, `layers`, ...), or how far its
    accuracy is above that of fixed sizes of equal cost (`gain`) or below the size's (`loss`).
    """
    config = load_config(REFERENCE / run / "config.yaml")
    found = read_exits(REFERENCE / run / "adaptive_classification.csv", config)
    means = dict(chains(found, system))[chain]
    upto = str(Size(*map(int, size.split("/"))))
    by = compared(chain, means).set_index("upto").loc[upto]
    fixed = means[means["policy"] == "fixed"].set_index("upto").loc[upto]
    values = {
        **by.drop(["policy", "fixed"]),
        "gain": by["accuracy"] - by["fixed"],
        "loss": fixed["accuracy"] - by["accuracy"],
    }
    decimals = {"dims": 1, "dims_read": 1, "layers": 1, "gain": 3, "loss": 3}.get(what, 4)
    return shorten(values[what], decimals)


def effort(run: str, track: str, left: str, right: str, what: str) -> str:
    """Return how many times what one system's training took another one's did.

    `what` is `seconds` or `multiply_adds`.
    """
    manifest = json.loads((REFERENCE / run / "manifest.json").read_text(encoding="utf-8"))
    took = manifest["trainings"][track]
    return f"{took[left][what] / took[right][what]:.1f}"


def _of_seeds(run: str, datasets: str, left: str, right: str) -> pd.Series:
    """Return the differences of two systems in ``seeds.csv``, by seed, size and dataset."""
    kept = pd.read_csv(REFERENCE / run / "seeds.csv")
    kept = kept[kept["dataset"].isin(datasets.split(" and "))]
    keys = ["seed", "dataset", "layers", "dim"]
    values = kept.set_index(["system", *keys])["value"]
    return values.loc[left] - values.loc[right]


def above_in_seeds(run: str, datasets: str, left: str, right: str) -> str:
    """Return in how many cases of ``seeds.csv`` one system is above another one."""
    differences = _of_seeds(run, datasets, left, right)
    return f"{(differences > 0).sum()} of {len(differences)}"


def most_below_in_seeds(run: str, datasets: str, left: str, right: str) -> str:
    """Return by how much, in ``seeds.csv``, one system is below another one at most."""
    return shorten(-_of_seeds(run, datasets, left, right).min())


def last_loss(run: str, backbone: str, seed: str, term: str = "loss") -> str:
    """Return the loss, or a term of it, that the training of a stored backbone logged last."""
    folder = REFERENCE / run / "backbones" / backbone / seed.replace(" ", "-")
    losses = [entry[term] for entry in read_log(folder / LOG_FILE) if term in entry]
    return f"{losses[-1]:.2f}"


FUNCTIONS: dict[str, Callable[..., str]] = {
    "score": score,
    "at": at,
    "gap": gap,
    "above": above,
    "told apart": told_apart,
    "shortlist": shortlist,
    "leaving": leaving,
    "effort": effort,
    "last loss": last_loss,
    "above in seeds": above_in_seeds,
    "most below in seeds": most_below_in_seeds,
}
