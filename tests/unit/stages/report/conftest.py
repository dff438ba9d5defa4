"""Runs whose scores are a formula."""

import pytest

from starbench.run.paths import RunPaths
from starbench.sizes import grid_of
from starbench.stages.report.scores import read_scores
from starbench.store.scores import SIGNIFICANCE_COLUMNS, Score, write_scores
from tests.unit.runs import tiny_config, tiny_value
from tests.unit.stages.report.scored import TASKS, all_scores


@pytest.fixture
def config():
    """Two systems, one of them with a model per size, and three datasets."""
    pairs = {"kind": "pairs", "source": "micro", "rows": 10}
    tracks = tiny_value()["tracks"]
    tracks["sts"]["tasks"] = TASKS
    return tiny_config(
        datasets={"other": {**pairs, "display": "Other_1"}, "third": pairs},
        systems={
            "tiny-srl": {"backbone": "tiny", "objective": "srl", "display": "Tiny & SRL"},
            "tiny-sep": {"backbone": "tiny", "objective": "separate", "display": "Tiny-Separate"},
        },
        tracks=tracks,
        seeds=[1, 2],
    )


@pytest.fixture
def crowded():
    """Twelve systems with long names, full of special characters, and twelve nameless sizes."""
    name = "A rather long name | with_special <characters> & a price of $5 to $6, number"
    return tiny_config(
        sizes=[{"layers": n, "dim": 64 * n} for n in range(1, 13)],
        systems={
            f"s{i}": {"backbone": "tiny", "objective": "srl", "display": f"{name} {i}"}
            for i in range(12)
        },
    )


@pytest.fixture
def crowded_scores(crowded, tmp_path):
    scores = [
        Score(system, 1, size, "sts", "test", "cosine_spearman", 0.3 + i / 50 + size.dim / 3000, 9)
        for i, system in enumerate(crowded.systems)
        for size in grid_of(crowded.trained_sizes)
    ]
    write_scores(tmp_path / "scores.csv", scores)
    return read_scores(tmp_path / "scores.csv", crowded)


@pytest.fixture
def written(config, tmp_path):
    """Write scores (all, or those given) and return (config, paths)."""

    def write(scores=None):
        paths = RunPaths.of(config, tmp_path)
        write_scores(paths.all_scores, all_scores(config) if scores is None else scores)
        paths.significance.write_text(",".join(SIGNIFICANCE_COLUMNS) + "\n")
        return config, paths

    return write
