"""Losses and gradients of the field's methods against their equations, written out plainly."""

import math
from itertools import pairwise

import pytest
import torch
import torch.nn.functional as F
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.losses import CoSENTLoss
from sentence_transformers.sentence_transformer.modules import Normalize

from starbench import LayeredLoss, RankingLoss, Size
from starbench.draws import generator
from starbench.errors import InputError
from starbench.objectives import OBJECTIVES

SIZES = [Size(1, 4), Size(2, 8), Size(4, 16)]
FULL = SIZES[-1]
SEED, STEP = 42, 3
T = 0.05


@pytest.fixture
def columns():
    """{layer: [anchors, positives, negatives], each (6, 16)} with gradients."""
    draw = torch.Generator().manual_seed(0)

    def made():
        values = torch.randn(6, 16, generator=draw, dtype=torch.float64)
        return values.float().requires_grad_()

    return {layer: [made() for _ in range(3)] for layer in (1, 2, 3, 4)}


@pytest.fixture
def step(tiny_model, columns):
    """The loss of one step of an objective, on embeddings that are given."""

    def loss(name, base=None, model=None, **options):
        objective = OBJECTIVES[name].model_validate({"objective": name, **options})
        layered = LayeredLoss(model or tiny_model, base or RankingLoss(), SIZES, objective, SEED)
        summands = layered._summands(STEP, generator(SEED, "finetune", "step", STEP))
        return layered.from_embeddings(columns, None, summands)

    return loss


def assert_same(ours, plain, columns):
    """To 1e-6: the losses, and their gradients for every embedding."""
    torch.testing.assert_close(ours, plain, rtol=1e-6, atol=1e-6)
    leaves = [tensor for triplet in columns.values() for tensor in triplet]
    ours, plain = (
        torch.autograd.grad(loss, leaves, allow_unused=True, retain_graph=True)
        for loss in (ours, plain)
    )
    for mine, other in zip(ours, plain, strict=True):
        assert (mine is None or not mine.any()) == (other is None or not other.any())
        if mine is not None and other is not None:
            torch.testing.assert_close(mine, other, rtol=1e-5, atol=1e-6)


def at(columns, layers, dim):
    return [column[:, :dim] for column in columns[layers]]


def scores(queries, passages):
    return F.normalize(queries, dim=1) @ F.normalize(passages, dim=1).T / T


def ranking(columns, layers, dim):
    """The base loss: the own positive among all positives and negatives."""
    anchors, *others = at(columns, layers, dim)
    return F.cross_entropy(scores(anchors, torch.cat(others)), torch.arange(6))


def kl(teacher, student):
    p = teacher.softmax(-1)
    return (p * (p.log() - student.log_softmax(-1))).sum(-1).mean()


def test_ese(step, columns):
    def distance(small, whole):
        with torch.no_grad():
            similar = torch.softmax(whole.T @ whole / math.sqrt(16), dim=-1)
            torch.manual_seed(int(generator(SEED, "finetune", "step", STEP).integers(2**63)))
            u, s, _ = torch.svd_lowrank(similar, q=5)
            target = whole @ u @ torch.diag(s)
        return ((small - target) ** 2).mean() + 0.5 * kl(target / 0.5, small / 0.5)

    def at_layer(layer):
        small, whole = (torch.cat(at(columns, layer, dim)) for dim in (5, 16))
        return ranking(columns, layer, 5) + distance(small, whole)

    plain = ranking(columns, 4, 16) + at_layer(4)
    for layer in (1, 2, 3):
        plain = plain + at_layer(layer) / (1 + math.log(layer)) / 3
    assert_same(step("ese", compressed_dim=5, kl_temperature=0.5), plain, columns)


def test_ese_leaves_other_random_numbers_as_they_are(step):
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    step("ese", compressed_dim=5)
    assert torch.equal(torch.rand(3), expected)


def test_3d_ml(step, columns):
    plain = 0
    for layer in (1, 2, 4):
        for place, dim in enumerate((16, 8, 4), 1):
            anchors, positives, negatives = at(columns, layer, dim)
            in_batch = F.cross_entropy(scores(anchors, positives), torch.arange(6))
            own = torch.stack([positives, negatives], dim=1)
            cosines = torch.stack(
                [scores(a[None], p)[0] for a, p in zip(anchors, own, strict=True)]
            )
            hard = F.cross_entropy(cosines, torch.zeros(6, dtype=torch.long))
            plain = plain + (in_batch + hard) / (place * math.sqrt(16 / dim)) / 3
    assert_same(step("3d-ml"), plain, columns)
    assert_same(step("3d-ml", layers="trained"), plain, columns)


def test_3d_ml_with_one_loss_for_all_negatives(step, columns):
    plain = sum(
        ranking(columns, layer, dim) / (place * math.sqrt(16 / dim)) / 3
        for layer in (1, 2, 4)
        for place, dim in enumerate((16, 8, 4), 1)
    )
    assert_same(step("3d-ml", negatives="together"), plain, columns)


def test_3d_ml_without_hard_negatives_is_the_loss_of_the_positives(step, columns):
    for triplet in columns.values():
        triplet.pop()
    plain = sum(
        ranking(columns, layer, dim) / (place * math.sqrt(16 / dim)) / 3
        for layer in (1, 2, 4)
        for place, dim in enumerate((16, 8, 4), 1)
    )
    assert_same(step("3d-ml"), plain, columns)


@pytest.mark.parametrize("monotonic", [0.0, 0.5])
def test_score_distillation(step, columns, monotonic):
    def neighbours(size):
        """Log of the distribution of each text's neighbours: all other texts."""
        texts = torch.cat(at(columns, size.layers, size.dim))
        rows = []
        for i, text in enumerate(texts):
            others = [F.cosine_similarity(text, o, dim=0) for j, o in enumerate(texts) if j != i]
            rows.append((torch.stack(others) / T).log_softmax(0))
        return torch.stack(rows)

    # The middle size is made the worse one, so that the monotonic term has something to say.
    with torch.no_grad():
        for one, full in zip(columns[1], columns[4], strict=True):
            one[:, :4] = full[:, :4]
    p = neighbours(FULL).detach()
    distances = [(p.exp() * (p - neighbours(size))).sum(1).mean() for size in SIZES[:-1]]
    assert distances[1] > distances[0]
    plain = sum(ranking(columns, size.layers, size.dim) for size in SIZES)
    plain = plain + 2.0 * sum(distances) / 2
    for smaller, larger in pairwise(distances):
        plain = plain + monotonic * F.relu(larger - smaller.detach())
    ours = step("score-distillation", distillation_weight=2.0, monotonic_weight=monotonic)
    assert_same(ours, plain, columns)


@pytest.mark.parametrize("detach", [True, False])
@pytest.mark.parametrize("over", ["dims", "scores"])
def test_cascade(step, columns, over, detach):
    def compared(size, dim):
        if over == "dims":
            return torch.cat(at(columns, size.layers, dim))
        anchors, *others = at(columns, size.layers, size.dim)
        return scores(anchors, torch.cat(others))

    plain = ranking(columns, 4, 16)
    for smaller, larger in pairwise(SIZES):
        teacher, student = compared(larger, smaller.dim), compared(smaller, smaller.dim)
        teacher = teacher.detach() if detach else teacher
        plain = plain + ranking(columns, smaller.layers, smaller.dim) + 0.3 * kl(teacher, student)
    assert_same(step("cascade", kl_over=over, kl_detach=detach), plain, columns)


def large(columns):
    """The base loss at the last layer, of every trained dimension."""
    return sum(ranking(columns, 4, dim) for dim in (4, 8, 16))


def test_asymmetric_over_vectors_pulls_the_queries_alone(step, columns):
    plain = large(columns)
    for size in SIZES[:-1]:
        query = at(columns, size.layers, size.dim)[0]
        teacher = at(columns, 4, size.dim)[0].detach()
        plain = plain + 2.0 * ((query - teacher) ** 2).sum(1).mean()
    assert_same(step("asymmetric", weight=2.0), plain, columns)


def test_asymmetric_over_vectors_of_a_model_that_normalises_is_between_unit_vectors(
    step, columns, tiny_model
):
    model = SentenceTransformer(modules=[*tiny_model.children(), Normalize()], device="cpu")
    plain = large(columns)
    for size in SIZES[:-1]:
        query = F.normalize(at(columns, size.layers, size.dim)[0])
        teacher = F.normalize(at(columns, 4, size.dim)[0]).detach()
        plain = plain + ((query - teacher) ** 2).sum(1).mean()
    assert_same(step("asymmetric", model=model), plain, columns)


def test_asymmetric_over_scores_compares_small_queries_with_passages_of_all_layers(step, columns):
    plain = large(columns)
    queries, *passages = at(columns, 4, 16)
    teacher = scores(queries, torch.cat(passages)).detach()
    for size in SIZES[:-1]:
        query = at(columns, size.layers, size.dim)[0]
        fixed = torch.cat(at(columns, 4, size.dim)[1:]).detach()
        plain = plain + kl(teacher / 2.0, scores(query, fixed) / 2.0)
    assert_same(step("asymmetric", over="scores", temperature=2.0), plain, columns)


def test_a_temperature_of_what_has_no_softmax_is_refused():
    with pytest.raises(ValueError, match="is for `over: scores`"):
        OBJECTIVES["asymmetric"](objective="asymmetric", temperature=2.0)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("3d-ml", {}, r"objective '3d-ml': Term at n1-d16 needs .* CoSENTLoss cannot"),
        ("asymmetric", {"over": "scores"}, r"'asymmetric': Align of n1-d4 .* CoSENTLoss has none"),
        ("cascade", {"kl_over": "scores"}, r"'cascade': .* CoSENTLoss has none: use kl_over: dims"),
        ("ese", {}, r"'ese': Term at n4-d128: n4-d128 is beyond the model, of 4 layers and 16"),
    ],
)
def test_what_a_method_cannot_do_is_one_line_with_its_name(
    step, tiny_model, name, options, message
):
    with pytest.raises(InputError, match=message) as raised:
        step(name, CoSENTLoss(tiny_model), **options)
    assert "\n" not in str(raised.value)
