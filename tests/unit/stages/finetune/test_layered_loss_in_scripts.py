"""The layered losses as scripts of one's own use them: without a trainer that tells the step."""

import copy

import pytest
import torch
from sentence_transformers.sentence_transformer.losses import MultipleNegativesRankingLoss

from starbench import Size, StarbucksLoss
from starbench.objectives.mse2d import Mse2d
from starbench.stages.finetune.layered_loss import LayeredLoss
from starbench.stages.finetune.ranking_loss import RankingLoss
from starbench.stages.finetune.step_loss import kl_divergence

SIZES = [Size(1, 4), Size(2, 8), Size(4, 16)]
LABELS = torch.zeros(6)


@pytest.fixture
def sampling(tiny_model):
    """Make a loss that draws a layer and dimensions at every step."""

    def make(**options):
        base = MultipleNegativesRankingLoss(tiny_model)
        return LayeredLoss(tiny_model, base, SIZES, Mse2d(objective="2dmse"), **options)

    return make


def test_every_call_is_a_step_if_none_is_told(sampling, triplet_columns):
    def value(loss):
        return loss(copy.deepcopy(triplet_columns), LABELS).item()

    counting, told = sampling(), sampling(seed=42)
    values = [value(counting) for _ in range(6)]
    expected = []
    for step in range(6):
        told.start_step(step)
        expected.append(value(told))
    assert values == expected
    assert len(set(values)) > 3
    other = sampling(seed=1)
    assert [value(other) for _ in range(6)] != values


def test_after_a_step_was_told_calls_are_not_counted(sampling, triplet_columns):
    loss, fresh = sampling(), sampling()
    for step in (7, 7):
        loss.start_step(step)
        fresh.start_step(7)
        ours, other = (made(copy.deepcopy(triplet_columns), LABELS) for made in (loss, fresh))
        assert ours.item() == other.item()


def test_options_reach_the_loss_and_the_model_card(tiny_model):
    base = MultipleNegativesRankingLoss(tiny_model)
    loss = StarbucksLoss(
        tiny_model, base, SIZES, 0.7, "scores", kl_temperature=0.5, kl_detach=True,
        mini_batch_size=4,
    )  # fmt: skip
    assert loss.mini_batch_size == 4
    assert loss.get_config_dict() == {
        "loss": "MultipleNegativesRankingLoss",
        "sizes": ["n1-d4", "n2-d8", "n4-d16"],
        "objective": "srl",
        "kl_weight": 0.7,
        "kl_over": "scores",
        "kl_temperature": 0.5,
        "kl_detach": True,
        "pairs": "listed",
        "full_weight": 1.0,
    }
    plain = StarbucksLoss(tiny_model, base, SIZES)
    assert (plain.mini_batch_size, plain.seed) == (None, 42)
    assert (plain.objective.kl_weight, plain.objective.kl_detach) == (0.3, False)


def test_the_divergence_is_that_of_the_definition_at_temperature_1_if_not_given():
    student, teacher = torch.randn(3, 5), torch.randn(3, 5)
    p, q = teacher.softmax(-1), student.softmax(-1)
    expected = (p * (p.log() - q.log())).sum() / 3
    assert kl_divergence(student, teacher).item() == pytest.approx(expected.item(), rel=1e-5)


def test_the_ranking_loss_is_a_module_that_trainers_can_move():
    loss = RankingLoss().to("cpu").train()
    assert list(loss.parameters()) == []
    assert (loss.similarity, loss.temperature) == ("cosine", 0.05)
    assert (loss.mask_right_answers, loss.bf16_scores) == (False, False)
