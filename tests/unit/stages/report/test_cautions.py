"""Warnings of a run: each is raised by its case, and a sound run raises none."""

import math

import pandas as pd
import pytest

from starbench.sizes import Size
from starbench.stages.report.cautions import cautions
from starbench.stages.report.results import Results
from starbench.stages.report.scores import read_scores
from starbench.stages.report.tables.marks import Marks, marks_of
from starbench.store.scores import SIGNIFICANCE_COLUMNS, Score, write_scores
from tests.unit.runs import tiny_config, tiny_value

TASKS = ("test", "other", "third")
SMALL, MIDDLE, LARGE = Size(1, 4), Size(2, 8), Size(4, 16)


@pytest.fixture
def config():
    tracks = tiny_value()["tracks"]
    tracks["sts"] |= {"tasks": list(TASKS), "grid": "diagonal"}
    pairs = {"kind": "pairs", "source": "micro", "rows": 10}
    systems = {
        "tiny-2dmse": {"backbone": "tiny", "objective": "2dmse", "display": "2DMSE"},
        "tiny-srl": {"backbone": "tiny", "objective": "srl", "display": "SRL"},
    }
    return tiny_config(datasets={"other": pairs, "third": pairs}, systems=systems, tracks=tracks)


@pytest.fixture
def results(config, tmp_path):
    """Make results of sound scores, some of them changed, and other facts."""

    def make(changed=None, queries=100, **facts):
        scores = [
            Score(system, 1, size, "sts", task, "cosine_spearman", 0.5 + size.dim / 100, queries)
            for system in config.systems
            for size in config.trained_sizes
            for task in TASKS
        ]
        for (system, size, task), value in (changed or {}).items():
            scores = [
                s._replace(value=value) if (s.system, s.size, s.dataset) == (system, size, task)
                else s
                for s in scores
            ]  # fmt: skip
        write_scores(tmp_path / "scores.csv", scores)
        return Results(config, read_scores(tmp_path / "scores.csv", config), Marks(), **facts)

    return make


def comparison(config, system, size, against, against_size, difference, p, dataset="test"):
    """A table with one comparison by the config's test."""
    cells = (system, size.layers, size.dim, against, against_size.layers, against_size.dim)
    row = (
        "sts",
        dataset,
        "cosine_spearman",
        *cells,
        difference,
        "bootstrap",
        p,
        p,
        p,
        100,
        "float32",
    )
    return pd.DataFrame([row], columns=list(SIGNIFICANCE_COLUMNS))


def test_a_sound_run_has_no_warnings(results):
    assert cautions(results(losses={"models/x": [3.0, 2.0]})) == []


def test_what_the_config_overrides_is_told(results):
    models = [("tiny-srl", "sts"), ("tiny-2dmse", "sts")]
    assert cautions(results(overridden={("pooling", "mean", "cls"): models})) == [
        "The config sets the pooling cls where the checkpoint has mean: SRL (sts), 2DMSE (sts)."
    ]


def test_skipped_steps_are_counted(results):
    found = cautions(results(skipped={"models/x": (1, 10), "models/y": (3, 40)}))
    assert found == [
        "1 step of 10 of models/x had no finite gradient and was skipped.",
        "3 steps of 40 of models/y had no finite gradient and were skipped.",
    ]


def test_a_score_that_is_no_number_is_named(results):
    (text,) = cautions(results({("tiny-srl", SMALL, "other"): math.nan}))
    assert text == "1 score is not a number: SRL at 1/4 on other (cosine_spearman)."


def test_equal_embeddings_are_named_and_many_cases_counted(results):
    constant = [(f"m{n}", "n1-d4", "test") for n in range(5)]
    (text,) = cautions(results(constant=constant))
    assert text.startswith("All embeddings are the same in 5 cases: m0 at n1-d4 on test, ")
    assert text.endswith(" and 2 more.")


def test_a_loss_that_did_not_fall_or_was_no_number_is_named(results):
    losses = {"models/a": [2.0, 2.5], "models/b": [2.0, math.nan, 1.0], "models/c": [9.0]}
    texts = cautions(results(losses=losses))
    assert texts == [
        "The training loss of models/a did not fall: 2 at first, 2.5 at last.",
        "The training loss of models/b was at times not a number.",
    ]


def test_a_backbone_that_learnt_nothing_from_context_is_named(results):
    losses = {"backbones/a/seed-1": (6.27, 6.95), "backbones/b/seed-1": (4.91, 6.95)}
    (text,) = cautions(results(masked_losses=losses))
    assert text.endswith(
        "context by backbones/a/seed-1 (6.27, where token frequencies alone give 6.95)."
    )


def test_a_dataset_that_falls_alone_collapses(results):
    (text,) = cautions(results({("tiny-srl", MIDDLE, "third"): 0.1}))
    assert text.startswith("third collapses at 2/8 of SRL: .1000, after .5400 at a smaller size")


def test_a_model_that_is_worse_altogether_does_not_collapse(results):
    assert cautions(results({("tiny-srl", MIDDLE, task): 0.1 for task in TASKS})) == []


def test_codes_that_tell_nothing_are_counted(results):
    found = cautions(
        results(
            {},
            coding={
                ("tiny-srl", "int8 n1-d4", "test"): 2,
                ("tiny-srl", "binary n2-d8", "test"): 7,
            },
        )
    )
    assert (
        "1 case in which int8 loses dimensions that have one value in all calibration texts: "
        "tiny-srl at n1-d4 on test (2)."
    ) in found
    assert any("texts without a number above 0 share one binary code" in text for text in found)


def test_a_size_that_significantly_beats_a_larger_one_is_named(config, results):
    up = comparison(config, "tiny-srl", SMALL, "tiny-srl", LARGE, 0.1, 0.01)
    (text,) = cautions(results(tests=up))
    assert text == "SRL: a smaller size significantly beats a larger one: 1/4 over 4/16 on test."
    for difference, p in ((-0.1, 0.01), (0.1, 0.2)):
        usual = comparison(config, "tiny-srl", SMALL, "tiny-srl", LARGE, difference, p)
        assert cautions(results(tests=usual)) == []


def test_few_queries_are_told_unknown_numbers_are_not(results):
    texts = cautions(results(queries=12))
    assert texts[0] == "test has only 12 queries: its scores are imprecise."
    assert len(texts) == 3
    assert cautions(results(queries=0)) == []


def test_marks_are_of_the_configs_test_level_and_correction(config):
    found = comparison(config, "tiny-2dmse", SMALL, "tiny-srl", SMALL, -0.1, 0.04)
    found["holm"] = 0.06
    options = config.report
    for correction, marked in (("holm", set()), ("none", {("tiny-2dmse", SMALL, "test")})):
        report = options.model_copy(update={"correction": correction})
        marks = marks_of(found, config.model_copy(update={"report": report}))
        assert marks.scores == marked
    other = options.model_copy(update={"correction": "none", "sts_test": "williams"})
    assert not marks_of(found, config.model_copy(update={"report": other})).scores
    assert (
        marks.note(["sts"])
        == "* differs from SRL with p < 0.05 (paired bootstrap, on semantic similarity)."
    )


def test_passages_with_titles_in_training_only_or_in_scoring_only_are_named(tmp_path):
    collection = {"kind": "collection", "source": "micro", "rows": 20}
    queries = {"kind": "training-queries", "source": "micro", "rows": 20}
    finetuning = {"dataset": "asked", "batch_size": 4, "steps": 2, "learning_rate": 1.0e-3}
    config = tiny_config(
        datasets={
            "asked": queries | {"display": "Asked"},
            "one": collection | {"display": "One"},
            "two": {
                "kind": "collection",
                "source": "folder",
                "name": "x",
                "corpus": "one",
                "display": "Two",
            },
            "three": collection,
        },
        tracks={"retrieval": {"tasks": ["one", "two", "three"], "finetuning": finetuning}},
    )
    system, size = next(iter(config.systems)), config.full_size
    tasks = config.tracks["retrieval"].scored
    write_scores(
        tmp_path / "scores.csv",
        [Score(system, 1, size, "retrieval", task, "nDCG@10", 0.5, 100) for task in tasks],
    )

    def warned(**titles):
        scores = read_scores(tmp_path / "scores.csv", config)
        return cautions(Results(config, scores, Marks(), titles=titles))

    assert warned(asked=0.99, one=0.0, three=1.0) == [
        "The passages of Asked, which is trained on, have titles, but those of One, Two have none."
    ]
    assert warned(asked=0.0, one=0.9, three=0.0) == [
        "The passages of Asked, which is trained on, have no titles, but those of One, Two have "
        "some."
    ]
    assert warned(asked=0.9, one=0.2, three=0.9) == []
    assert warned(one=0.0, three=1.0) == []
