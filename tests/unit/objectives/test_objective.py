"""What every objective is, as the table in the README and the paper have it."""

import pytest

from starbench.objectives import OBJECTIVES, PRETRAINING_OBJECTIVES
from starbench.objectives.summands import Align, Step, Term
from starbench.sizes import Size

SIZES = [Size(1, 4), Size(2, 8)]
FULL = Size(4, 16)


@pytest.mark.parametrize(
    ("name", "terms"),
    [
        ("untouched", []),
        ("single", [Term(FULL)]),
        ("mrl", [Term(Size(4, 4)), Term(Size(4, 8)), Term(Size(4, 16))]),
        (
            "srl",
            [
                Term(FULL),
                Term(Size(1, 4)),
                Align(Size(1, 4), FULL, 0.3),
                Term(Size(2, 8)),
                Align(Size(2, 8), FULL, 0.3),
            ],
        ),
    ],
)
def test_the_terms_of_a_step_without_draws(name, terms):
    objective = OBJECTIVES[name](objective=name)
    assert objective.terms(Step(SIZES, FULL)) == terms
    assert objective.name == name


def test_a_term_counts_once_and_an_alignment_is_that_of_the_published_sts_code():
    assert Term(FULL) == Term(FULL, 1.0, "batch")
    small = Size(1, 4)
    assert Align(small, FULL, 0.3) == Align(
        small, FULL, 0.3, over="dims", by="kl", dims=None, temperature=1.0, detach=False,
        columns=None,
    )  # fmt: skip


def test_which_objectives_train_one_model_a_size_train_at_all_and_depend_on_the_sizes():
    kinds = {
        name: (kind.per_size, kind.trains, kind.reads_sizes) for name, kind in OBJECTIVES.items()
    }
    assert kinds == {
        "untouched": (False, False, False),
        "single": (False, True, False),
        "separate": (True, True, True),
        "mrl": (False, True, True),
        "2dmse": (False, True, True),
        "srl": (False, True, True),
        "ese": (False, True, False),
        "3d-ml": (False, True, True),
        "score-distillation": (False, True, True),
        "cascade": (False, True, True),
        "asymmetric": (False, True, True),
        "softmax": (False, True, True),
    }


@pytest.mark.parametrize(
    ("name", "sizes", "autoencoder"),
    [("mlm", [FULL], False), ("matryoshka-mlm", SIZES, False), ("smae", SIZES, True)],
)
def test_pre_training_is_at_all_sizes_or_the_full_one_with_or_without_an_autoencoder(
    name, sizes, autoencoder
):
    objective = PRETRAINING_OBJECTIVES[name]
    assert objective.sizes(SIZES, FULL) == sizes
    assert objective.autoencoder is autoencoder


def test_the_defaults_of_the_alignment_are_those_of_the_published_sts_code():
    for name in ("srl", "2dmse", "cascade"):
        found = OBJECTIVES[name](objective=name)
        assert (found.kl_weight, found.kl_over, found.kl_detach) == (0.3, "dims", False)
        assert found.kl_temperature == (0.3 if name == "2dmse" else 1.0)


@pytest.mark.parametrize("change", [{"kl_weight": -0.1}, {"kl_temperature": 0.0}])
@pytest.mark.parametrize("name", ["srl", "2dmse", "cascade"])
def test_a_negative_factor_and_a_temperature_of_zero_are_refused(name, change):
    with pytest.raises(ValueError, match="greater than"):
        OBJECTIVES[name](objective=name, **change)
    OBJECTIVES[name](objective=name, kl_weight=0.0)
