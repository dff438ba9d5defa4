"""The layered losses against formulas written out plainly and against sentence-transformers."""

import copy

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from sentence_transformers.sentence_transformer.losses import (
    AdaptiveLayerLoss,
    CoSENTLoss,
    MatryoshkaLoss,
    MultipleNegativesRankingLoss,
)

from starbench import Align, Size, StarbucksLoss, Step, Term
from starbench.draws import generator
from starbench.errors import InputError
from starbench.objectives.mrl import Mrl
from starbench.objectives.mse2d import Mse2d
from starbench.objectives.separate import Separate
from starbench.objectives.single import Single
from starbench.stages.finetune.layered_loss import LayeredLoss

SIZES = [Size(1, 4), Size(2, 8), Size(4, 16)]
LABELS = torch.zeros(6)


def all_layers(model, columns):
    """Hidden states of every layer of every column, mean-pooled: a plain second implementation."""
    pooled = []
    for column in columns:
        output = model[0].auto_model(**column, output_hidden_states=True)
        mask = column["attention_mask"].unsqueeze(-1)
        pooled.append([(h * mask).sum(1) / mask.sum(1) for h in output.hidden_states])
    return pooled


def ranking_loss(embeddings, scale=20.0):
    """Multiple negatives ranking: cross-entropy of scaled cosines, the own positive being right."""
    anchors, *others = [F.normalize(column, dim=-1) for column in embeddings]
    scores = anchors @ torch.cat(others).T * scale
    return F.cross_entropy(scores, torch.arange(len(anchors)))


def kl(teacher, student, temperature=1.0):
    """KL(softmax(teacher/T) || softmax(student/T)) as a sum over the definition, mean over rows."""
    p = (teacher / temperature).softmax(-1)
    q = (student / temperature).softmax(-1)
    return (p * (p.log() - q.log())).sum(-1).mean()


def loss_and_gradients(model, loss):
    model.zero_grad()
    loss.backward()
    return loss.item(), {
        name: parameter.grad.clone()
        for name, parameter in model.named_parameters()
        if parameter.grad is not None
    }


def assert_same(ours, reference, tolerance=2e-5):
    assert ours[0] == pytest.approx(reference[0], rel=1e-5)
    assert ours[1].keys() == reference[1].keys()
    for name, gradient in reference[1].items():
        torch.testing.assert_close(ours[1][name], gradient, rtol=1e-3, atol=tolerance)


def plain_srl(model, columns, kl_weight, over, detach, temperature=1.0):
    """The published objective, one size after another."""
    pooled = all_layers(model, columns)
    full = [column[4] for column in pooled]
    total = ranking_loss(full)
    for size in SIZES[:-1]:
        small = [column[size.layers] for column in pooled]
        total = total + ranking_loss([column[:, : size.dim] for column in small])
        if over == "dims":
            teacher, student = torch.cat(full)[:, : size.dim], torch.cat(small)[:, : size.dim]
        else:

            def scores(embeddings, dim):
                anchors, *others = [F.normalize(e[:, :dim], dim=-1) for e in embeddings]
                return anchors @ torch.cat(others).T * 20.0

            teacher, student = scores(full, 16), scores(small, size.dim)
        if detach:
            teacher = teacher.detach()
        total = total + kl_weight * kl(teacher, student, temperature)
    return total


@pytest.mark.parametrize("over", ["dims", "scores"])
@pytest.mark.parametrize("detach", [False, True])
@pytest.mark.parametrize(("weight", "temperature"), [(0.0, 1.0), (0.3, 1.0), (1.0, 0.5)])
def test_srl_equals_the_plain_formula_in_value_and_gradient(
    tiny_model, triplet_columns, over, detach, weight, temperature
):
    base = MultipleNegativesRankingLoss(tiny_model)
    loss = StarbucksLoss(
        tiny_model,
        base,
        SIZES,
        kl_weight=weight,
        kl_over=over,
        kl_detach=detach,
        kl_temperature=temperature,
    )
    ours = loss_and_gradients(tiny_model, loss(copy.deepcopy(triplet_columns), LABELS))
    plain = plain_srl(tiny_model, triplet_columns, weight, over, detach, temperature)
    assert_same(ours, loss_and_gradients(tiny_model, plain))


def test_the_default_of_srl_is_the_published_sts_code(tiny_model, triplet_columns):
    loss = StarbucksLoss(tiny_model, MultipleNegativesRankingLoss(tiny_model), SIZES)
    ours = loss(copy.deepcopy(triplet_columns), LABELS)
    plain = plain_srl(tiny_model, triplet_columns, 0.3, "dims", detach=False)
    assert ours.item() == pytest.approx(plain.item(), rel=1e-5)


def test_a_detached_teacher_gets_no_gradient_from_the_kl_term(tiny_model, triplet_columns):
    pooled = {
        layer: [column.detach().clone().requires_grad_() for column in columns]
        for layer, columns in {
            n: [column[n] for column in all_layers(tiny_model, triplet_columns)] for n in (2, 4)
        }.items()
    }
    base = MultipleNegativesRankingLoss(tiny_model)
    for detach in (True, False):
        loss = StarbucksLoss(tiny_model, base, SIZES, kl_weight=1.0, kl_detach=detach)
        summands = loss.objective.terms(Step(SIZES, loss.full))
        align = [summand for summand in summands if isinstance(summand, Align)][1]
        only_kl = loss.from_embeddings(pooled, LABELS, [align])
        gradient = torch.autograd.grad(only_kl, pooled[4], allow_unused=True)
        assert all(g is None or not g.any() for g in gradient) == detach


def test_2dmse_equals_the_library_at_the_same_samples(tiny_model, triplet_columns, monkeypatch):
    """sentence-transformers 6.2: detached teacher, uniform weights, all dims, layers 1 to 3."""
    dims = [4, 8, 16]
    base = MultipleNegativesRankingLoss(tiny_model)
    library = AdaptiveLayerLoss(
        tiny_model, MatryoshkaLoss(tiny_model, base, dims), n_layers_per_step=3
    )
    # The library also samples the output of the embeddings (layer 0); published 2DMSE does not.
    monkeypatch.setattr("random.sample", lambda population, count: list(population)[1:])
    reference = loss_and_gradients(tiny_model, library(copy.deepcopy(triplet_columns), LABELS))
    objective = Mse2d(
        objective="2dmse",
        layers_per_step=-1,
        dims_per_step=-1,
        layer_weight="uniform",
        kl_detach=True,
    )
    loss = LayeredLoss(tiny_model, base, SIZES, objective)
    ours = loss_and_gradients(tiny_model, loss(copy.deepcopy(triplet_columns), LABELS))
    assert_same(ours, reference)


def test_2dmse_as_published_equals_the_plain_formula(tiny_model, triplet_columns):
    """sentence-transformers 3.x: 1/l decay, teacher attached, one layer and one dim per step."""
    objective = Mse2d(objective="2dmse")
    loss = LayeredLoss(tiny_model, MultipleNegativesRankingLoss(tiny_model), SIZES, objective)
    for step in range(4):
        loss.start_step(step)
        draw = generator(42, "finetune", "step", step)
        terms = objective.terms(Step(SIZES, loss.full, step, draw=draw))
        last, prior = terms[0].size, terms[1].size
        ours = loss_and_gradients(tiny_model, loss(copy.deepcopy(triplet_columns), LABELS))
        pooled = all_layers(tiny_model, triplet_columns)
        small, full = [[column[n] for column in pooled] for n in (prior.layers, 4)]
        plain = (
            ranking_loss([column[:, : last.dim] for column in full])
            + ranking_loss([column[:, : prior.dim] for column in small]) / prior.layers
            + 0.3 * kl(torch.cat(full), torch.cat(small), 0.3)
        )
        assert_same(ours, loss_and_gradients(tiny_model, plain))


def test_2dmse_samples_every_layer_below_the_last_and_every_dim():
    objective = Mse2d(objective="2dmse")
    full = Size(4, 16)
    seen = [objective.terms(Step(SIZES, full, draw=generator(1, step))) for step in range(200)]
    assert {terms[0].size for terms in seen} == {Size(4, 4), Size(4, 8), Size(4, 16)}
    assert {terms[1].size.layers for terms in seen} == {1, 2, 3}
    assert {terms[1].size.dim for terms in seen} == {4, 8, 16}
    assert all(terms[1].weight == 1 / terms[1].size.layers for terms in seen)


def test_2dmse_of_the_trained_layers_only_never_samples_another():
    objective = Mse2d(objective="2dmse", sampled_layers="trained", layers_per_step=2)
    terms = objective.terms(Step(SIZES, Size(4, 16)))
    assert {size.layers for term in terms for size in term.trains} == {1, 2, 4}


def test_layer_weights_are_linear_log_or_uniform():
    expected = {"linear": 1 / 3, "log": 1 / (1 + np.log(3)), "uniform": 1.0}
    for name, weight in expected.items():
        objective = Mse2d(objective="2dmse", layers_per_step=-1, layer_weight=name)
        terms = objective.terms(Step(SIZES, Size(4, 16)))
        (term,) = [t for t in terms if isinstance(t, Term) and t.size.layers == 3]
        assert term.weight == pytest.approx(weight / 3)


def test_mrl_equals_the_library(tiny_model, triplet_columns):
    base = MultipleNegativesRankingLoss(tiny_model)
    library = MatryoshkaLoss(tiny_model, base, [4, 8, 16])
    reference = loss_and_gradients(tiny_model, library(copy.deepcopy(triplet_columns), LABELS))
    loss = LayeredLoss(tiny_model, base, SIZES, Mrl(objective="mrl"))
    assert_same(
        loss_and_gradients(tiny_model, loss(copy.deepcopy(triplet_columns), LABELS)), reference
    )


def test_single_equals_the_base_loss(tiny_model, triplet_columns):
    base = MultipleNegativesRankingLoss(tiny_model)
    reference = loss_and_gradients(tiny_model, base(copy.deepcopy(triplet_columns), LABELS))
    loss = LayeredLoss(tiny_model, base, SIZES, Single(objective="single"))
    assert_same(
        loss_and_gradients(tiny_model, loss(copy.deepcopy(triplet_columns), LABELS)), reference
    )


@pytest.mark.parametrize(("train_dim", "dim"), [("own", 8), ("full", 16)])
def test_separate_trains_at_its_own_dim_or_at_the_full_width(train_dim, dim):
    objective = Separate(objective="separate", train_dim=train_dim)
    (term,) = objective.terms(Step([Size(2, 8)], Size(2, 16)))
    assert term.size == Size(2, dim)


def test_cosent_on_scored_pairs_equals_the_plain_formula(tiny_model, triplet_columns):
    labels = torch.tensor([0.1, 0.9, 0.5, 0.3, 0.7, 0.2])
    loss = StarbucksLoss(tiny_model, CoSENTLoss(tiny_model), SIZES, kl_weight=0.0)
    ours = loss(copy.deepcopy(triplet_columns[:2]), labels)
    pooled = all_layers(tiny_model, triplet_columns[:2])
    total = 0.0
    for size in SIZES:
        left, right = [column[size.layers][:, : size.dim] for column in pooled]
        cosine = F.cosine_similarity(left, right) * 20
        pairs = [cosine[i] - cosine[j] for i in range(6) for j in range(6) if labels[i] < labels[j]]
        total = total + torch.log(1 + torch.stack(pairs).exp().sum())
    assert ours.item() == pytest.approx(total.item(), rel=1e-5)


def test_draws_depend_on_seed_and_step_alone(tiny_model, triplet_columns):
    def losses(order):
        loss = LayeredLoss(
            tiny_model, MultipleNegativesRankingLoss(tiny_model), SIZES, Mse2d(objective="2dmse")
        )
        values = {}
        for step in order:
            loss.start_step(step)
            values[step] = loss(copy.deepcopy(triplet_columns), LABELS).item()
        return values

    assert losses([0, 1, 2, 3]) == losses([3, 1, 0, 2])


def test_the_model_is_left_as_it_was(tiny_model, triplet_columns):
    before = (tiny_model.forward, tiny_model[0].forward, tiny_model[0].auto_model.config.to_dict())
    StarbucksLoss(tiny_model, MultipleNegativesRankingLoss(tiny_model), SIZES)(
        triplet_columns, LABELS
    )
    after = (tiny_model.forward, tiny_model[0].forward, tiny_model[0].auto_model.config.to_dict())
    assert before == after


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ([Size(1, 4), Size(5, 16)], "has 4 layers, not 5"),
        ([Size(1, 4), Size(4, 17)], "has 16 dimensions, not 17"),
        ([Size(2, 8), Size(1, 16)], "sizes must increase"),
        ([Size(2, 8), Size(2, 8)], "sizes must increase"),
    ],
)
def test_sizes_that_do_not_fit_the_model_are_refused(tiny_model, sizes, message):
    with pytest.raises(InputError, match=message):
        StarbucksLoss(tiny_model, MultipleNegativesRankingLoss(tiny_model), sizes)


def test_a_base_loss_that_needs_texts_is_refused(tiny_model):
    with pytest.raises(InputError, match="cannot compute a loss from embeddings"):
        StarbucksLoss(tiny_model, torch.nn.L1Loss(), SIZES)


def test_alignment_of_scores_needs_a_loss_with_scores(tiny_model):
    class Distance(torch.nn.Module):
        def compute_loss_from_embeddings(self, embeddings, labels):
            return (embeddings[0] - embeddings[1]).pow(2).mean()

    with pytest.raises(InputError, match="Distance has none: use kl_over: dims"):
        StarbucksLoss(tiny_model, Distance(), SIZES, kl_over="scores")
