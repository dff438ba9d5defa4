"""Scores that a config asks for and a file has not are counted, by a plain comparison of keys."""

import random

from starbench.run.paths import RunPaths
from starbench.sizes import Size
from starbench.stages.report.cautions import cautions
from starbench.stages.report.costs import read_costs
from starbench.stages.report.missing import missing_costs, missing_scores
from starbench.stages.report.results import Results
from starbench.stages.report.scores import read_scores
from starbench.stages.report.tables.marks import Marks
from starbench.store.scores import Score, write_scores
from tests.unit.runs import tiny_config
from tests.unit.stages.report import measured
from tests.unit.stages.report.scored import all_scores


def results_of(config, paths):
    return Results(config, read_scores(paths.all_scores, config), Marks(), manifest={})


def warning_of(results):
    return next((text for text in cautions(results) if "not in scores.csv" in text), None)


def test_nothing_is_missing_from_a_whole_file_and_any_scores_taken_out_are_named(written, config):
    _, paths = written()
    assert missing_scores(read_scores(paths.all_scores, config), config) == []
    assert warning_of(results_of(config, paths)) is None
    shown = [score for score in all_scores(config) if score.metric == "cosine_spearman"]
    taken = random.Random(5).sample(shown, 7)
    write_scores(paths.all_scores, [s for s in all_scores(config) if s not in taken])
    found = missing_scores(read_scores(paths.all_scores, config), config)
    assert sorted(found) == sorted(
        (s.system, s.seed, s.size.layers, s.size.dim, s.dataset, s.metric) for s in taken
    )
    assert "7 scores that the config asks for are not in scores.csv: " in warning_of(
        results_of(config, paths)
    )


def test_a_seed_a_system_and_a_dataset_that_are_missing_altogether_are_counted(written, config):
    def missing(kept):
        _, paths = written([score for score in all_scores(config) if kept(score)])
        return warning_of(results_of(config, paths))

    # Two seeds; one system has 9 cells of the grid, the other its 3 sizes; three datasets.
    assert missing(lambda s: s.seed != 2).startswith("36 scores that the config asks for are not")
    text = missing(lambda s: s.system != "tiny-sep")
    assert text.startswith("18 scores") and "Tiny-Separate on Other_1 (6)" in text
    text = missing(lambda s: s.dataset != "third")
    assert text.startswith("24 scores")
    assert "Tiny & SRL on third (18), Tiny-Separate on third (6)" in text


def test_a_floor_that_is_missing_is_named(tmp_path):
    config = tiny_config(
        datasets={
            "asked": {"kind": "training-queries", "source": "micro", "rows": 9},
            "library": {"kind": "collection", "source": "micro", "rows": 40},
        },
        sizes=[{"layers": 1, "dim": 4}],
        tracks={
            "retrieval": {
                "tasks": ["library"],
                "finetuning": {
                    "dataset": "asked", "batch_size": 2, "steps": 1, "learning_rate": 1.0e-3,
                },
            }
        },
    )  # fmt: skip
    paths = RunPaths.of(config, tmp_path)
    score = Score("tiny-srl", 1, Size(1, 4), "retrieval", "library", "nDCG@10", 0.5, 4)
    write_scores(paths.all_scores, [score])
    assert warning_of(results_of(config, paths)).startswith(
        "1 score that the config asks for is not in scores.csv: BM25 on library (1)."
    )


def test_costs_that_were_not_measured_are_named_and_a_whole_file_is_not_warned_of(written):
    config, paths = written()
    config = measured.measuring(config)
    measured.write(config, paths)
    assert missing_costs(read_costs(paths.all_costs, config), config) == []
    paths.all_costs.unlink()
    measured.write(config, paths, systems=["tiny-srl"])
    found = missing_costs(read_costs(paths.all_costs, config), config)
    assert found == [(system, "sts") for system in config.systems if system != "tiny-srl"]
    assert found
    scores = read_scores(paths.all_scores, config)
    told = cautions(Results(config, scores, Marks(), unmeasured=found))
    (text,) = (text for text in told if "costs.csv" in text)
    assert text.startswith("costs.csv has nothing of ")
    assert all(f"{config.display('systems', system)} (sts)" in text for system, _ in found[:3])
    assert not [t for t in cautions(Results(config, scores, Marks())) if "costs.csv" in t]
