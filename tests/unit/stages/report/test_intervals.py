"""Standard errors are those that repeated samples have."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import sem, spearmanr

from starbench.config.reading import parse_config
from starbench.machine.files import sha256_of, write_json
from starbench.run.paths import RunPaths
from starbench.sizes import Size
from starbench.stages.evaluate.retrieval import write_by_query
from starbench.stages.report.groups import groups_of
from starbench.stages.report.intervals import standard_errors
from tests.unit.runs import tiny_value
from tests.unit.stages.report.scored import TASKS, sts_group


@pytest.mark.parametrize("correlation", [0.0, 0.5, 0.85])
def test_the_error_of_a_rank_correlation_is_that_of_repeated_samples(config, correlation):
    pairs, draws = 150, 1500
    draw = np.random.default_rng(3)
    cut = np.linalg.cholesky([[1, correlation], [correlation, 1]])
    samples = (cut @ draw.normal(size=(draws, 2, pairs))).transpose(0, 2, 1)
    found = np.array([spearmanr(sample).statistic for sample in samples])
    rows = [("tiny-srl", 1, 4, task, "cosine_spearman", found.mean(), pairs) for task in TASKS]
    names = ["system", "layers", "dim", "dataset", "metric", "value", "queries"]
    scores = pd.DataFrame(rows, columns=names)
    errors = standard_errors(config, RunPaths.of(config), scores, sts_group(config))
    # Of three datasets alike, the average is by the root of three more exact.
    assert errors["tiny-srl", 1, 4] == pytest.approx(found.std() / np.sqrt(3), rel=0.12)


def test_the_error_of_a_ranking_is_that_of_the_mean_over_queries(tmp_path):
    value = tiny_value(seeds=[1, 2])
    collection = {"kind": "collection", "source": "micro", "rows": 9, "queries": 4}
    value["datasets"] |= {"one": collection, "two": collection}
    training = value["tracks"]["sts"]["finetuning"]
    value["tracks"] = {"retrieval": {"tasks": ["one", "two"], "finetuning": training}}
    config = parse_config(value)
    paths, (group,) = RunPaths.of(config, tmp_path), groups_of(config)
    draw, cell, values = np.random.default_rng(0), Size(1, 4), {}
    for dataset in ("one", "two"):
        for seed in (1, 2):
            found = draw.random(30)
            found[:2] = np.nan if dataset == "two" else found[:2]
            values[dataset, seed] = found
            folder = paths.scores("retrieval", "tiny-srl", seed) / dataset
            folder.mkdir(parents=True)
            names = [f"q{number}" for number in range(30)]
            write_by_query(folder / "queries.csv.gz", names, {cell: {"nDCG@10": found}})
            files = {"queries.csv.gz": sha256_of(folder / "queries.csv.gz")}
            write_json(folder / "manifest.json", {"stage": "evaluate", "files": files})
    errors = standard_errors(config, paths, pd.DataFrame(), group)
    of_means = [
        sem(np.mean([values[dataset, seed] for seed in (1, 2)], axis=0), nan_policy="omit")
        for dataset in ("one", "two")
    ]
    expected = np.hypot(*of_means) / 2
    assert errors == {("tiny-srl", 1, 4): pytest.approx(expected)}
    (paths.scores("retrieval", "tiny-srl", 1) / "one" / "queries.csv.gz").unlink()
    assert standard_errors(config, paths, pd.DataFrame(), group) == {}
