"""A run of two systems and three datasets whose scores are a formula."""

from starbench.sizes import grid_of
from starbench.stages.report.groups import groups_of
from starbench.stages.report.scores import read_scores
from starbench.stages.report.tables.table import make_table
from starbench.store.scores import Score

TASKS = ["test", "other", "third"]


def sts_group(config):
    """The one group of a run with the STS track alone."""
    (group,) = groups_of(config)
    return group


def value_of(system, seed, size, task):
    base = 0.3 if system == "tiny-sep" else 0.2
    return base + size.layers / 20 + size.dim / 100 + TASKS.index(task) / 50 + seed / 1000


def all_scores(config, seeds=(1, 2)):
    return [
        Score(system, seed, size, "sts", task, metric, value, 10)
        for system in config.systems
        for seed in seeds
        for size in (
            config.trained_sizes if system == "tiny-sep" else grid_of(config.trained_sizes)
        )
        for task in TASKS
        for metric, value in (
            ("cosine_spearman", value_of(system, seed, size, task)),
            ("cosine_pearson", 0.99),
        )
    ]


def table_of(config, paths):
    return make_table(read_scores(paths.all_scores, config), config, [sts_group(config)])
