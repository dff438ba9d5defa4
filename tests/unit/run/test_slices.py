"""What a job depends on: results made before a key existed stay valid where it changes nothing."""

import pytest

from starbench.config.config import Config
from starbench.config.reading import parse_config
from starbench.run.models import Model, model_named
from starbench.run.slices import (
    IMPLIED,
    embedding_slice,
    finetuning_slice,
    pretraining_slice,
    text_set_slice,
)
from tests.unit.runs import tiny_value

PRETRAINING = {"objective": "mlm", "datasets": ["stories"], "batch_size": 4, "learning_rate": 1}
FINETUNING = {"dataset": "questions", "batch_size": 4, "learning_rate": 1}
BEFORE = {
    "passage_choice": "drawn",
    "mask_right_answers": True,
    "last_batch": "filled",
    "warmup_rounding": "nearest",
}


def config(pretraining=None, finetuning=None, library=None, objectives=()) -> Config:
    """A run with one backbone to pre-train and one model on retrieval."""
    value = tiny_value(
        datasets={
            "stories": {"kind": "text", "source": "micro", "rows": 50},
            "questions": {"kind": "training-queries", "source": "micro", "rows": 50},
            "library": {"kind": "collection", "source": "micro", "rows": 50} | (library or {}),
            "archive": {"kind": "collection", "source": "micro", "rows": 50},
        },
        backbones={
            "tiny": {
                "checkpoint": {"name": "nowhere/tiny"},
                "pretraining": PRETRAINING | (pretraining or {"steps": 10}),
            }
        },
        systems={"base": {"backbone": "tiny", "objective": "single"}},
    )
    value["tracks"]["retrieval"] = {
        "tasks": ["library", "archive"],
        "finetuning": FINETUNING | (finetuning or {"steps": 10}),
        "objectives": list(objectives),
    }
    return parse_config(value)


def model_of(made: Config, track: str = "retrieval") -> Model:
    return model_named(made, track, "base")


def finetuning_keys(track: str = "retrieval", **options) -> dict:
    made = config(**options)
    return finetuning_slice(made, model_of(made, track), 1)["finetuning"]


def test_keys_that_results_had_before_they_were_keys_are_left_out():
    kept = finetuning_keys(finetuning={"steps": 10, **BEFORE})
    assert not kept.keys() & IMPLIED.keys()
    before = {"mask_budget": "words", "mask_unknown": True, "random_tokens": "ordinary"}
    made = config(pretraining={"steps": 10, **before})
    assert not pretraining_slice(made, "tiny", 1)["pretraining"].keys() & IMPLIED.keys()


def test_published_values_are_there_whether_they_are_given_or_not():
    kept = finetuning_keys()
    assert kept["passage_choice"] == "cycled"
    assert kept["mask_right_answers"] is False
    assert kept["last_batch"] == "partial"
    given = {"steps": 10, "passage_choice": "cycled", "mask_right_answers": False}
    assert finetuning_keys(finetuning=given) == kept
    made = pretraining_slice(config(), "tiny", 1)["pretraining"]
    assert (made["mask_budget"], made["mask_unknown"], made["random_tokens"]) == (
        "tokens",
        False,
        "all",
    )


@pytest.mark.parametrize("key", sorted(BEFORE))
def test_each_key_changes_what_a_training_depends_on(key):
    length = {"epochs": 1}
    assert finetuning_keys(finetuning=length) != finetuning_keys(
        finetuning={**length, key: BEFORE[key]}
    )


def test_choices_on_passages_do_not_touch_a_track_that_trains_on_triplets():
    assert not finetuning_keys("sts").keys() & {"passage_choice", "mask_right_answers"}


@pytest.mark.parametrize(("steps", "differs"), [(10, False), (12, True), (None, True)])
def test_rounding_of_the_warm_up_counts_only_where_it_can_make_a_difference(steps, differs):
    # A tenth of 12 steps is one step rounded to the nearest, two rounded up.
    length = {"epochs": 1} if steps is None else {"steps": steps}
    assert ("warmup_rounding" in finetuning_keys(finetuning=length)) == differs


def test_how_many_steps_may_be_skipped_is_nothing_that_a_result_depends_on():
    changed = finetuning_keys(finetuning={"steps": 10, "max_skipped": 0.5})
    assert changed == finetuning_keys()


def test_scores_in_bfloat16_are_part_of_the_objective_only_when_they_are_on():
    made = [config(objectives=[{"objective": "single", "bf16_scores": on}]) for on in (False, True)]
    off, on = (finetuning_slice(value, model_of(value), 1)["objective"] for value in made)
    assert off == {"objective": "single"}
    assert on == {"objective": "single", "bf16_scores": True}


def test_lengths_of_a_collection_change_its_own_texts_and_nothing_else():
    plain, long = config(), config(library={"max_length": 300, "query_max_length": 40})
    assert "lengths" not in embedding_slice(plain, model_of(plain))
    expected = {"library": {"max_length": 300, "query_max_length": 40}}
    assert embedding_slice(long, model_of(long))["lengths"] == expected
    for dataset, part, key, length in (
        ("library", "passages", "max_length", 300),
        ("library", "queries", "query_max_length", 40),
        ("archive", "passages", None, None),
        ("archive", "queries", None, None),
    ):
        before = text_set_slice(plain, model_of(plain), dataset, part)
        assert before == embedding_slice(plain, model_of(plain))
        after = text_set_slice(long, model_of(long), dataset, part)
        assert after == before | ({key: length} if key else {})


def test_the_family_of_a_backbone_counts_where_it_is_not_bert():
    architecture = {"layers": 4, "width": 16, "heads": 2, "intermediate": 32}

    def made(**family):
        training = PRETRAINING | {"steps": 10, "max_length": 24}
        backbone = {"architecture": architecture | family, "pretraining": training}
        stories = {"stories": {"kind": "text", "source": "micro", "rows": 50}}
        value = tiny_value(datasets=stories, backbones={"tiny": backbone})
        value["tracks"]["sts"]["finetuning"]["max_length"] = 24
        return pretraining_slice(parse_config(value), "tiny", 1)

    assert made() == made(family="bert")
    assert "family" not in made()["architecture"]
    assert made(family="modernbert")["architecture"]["family"] == "modernbert"
