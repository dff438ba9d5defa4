"""A teacher: loss and gradients against the formula written out, at every size of the step."""

import copy

import pytest
import torch
from sentence_transformers.sentence_transformer.losses import CoSENTLoss
from sentence_transformers.sentence_transformer.modules import Normalize

from starbench import LayeredLoss, RankingLoss, Size, Teacher
from starbench.errors import InputError
from starbench.objectives import OBJECTIVES
from tests.unit.stages.finetune.test_guide import (
    features_of,
    gradients,
    texts_of,
    with_other_weights,
)

SIZES = [Size(1, 4), Size(2, 8), Size(4, 16)]
ROWS = 8


@pytest.fixture
def teacher_model(tiny_model):
    """A teacher with the tokenizer of the tiny model and weights of its own."""
    return with_other_weights(tiny_model, 11)


def layered(model, teacher, name="srl", similarity="cosine", **options):
    objective = OBJECTIVES[name].model_validate({"objective": name, **options})
    return LayeredLoss(model, RankingLoss(similarity, 0.5), SIZES, objective, teacher=teacher)


def plain_scores(columns, dim, similarity, temperature):
    """Return each query's scores with all passages, one number at a time."""
    queries, passages = columns[0][:, :dim], torch.cat([c[:, :dim] for c in columns[1:]])
    if similarity == "cosine":
        queries, passages = (x / x.norm(dim=1, keepdim=True) for x in (queries, passages))
    return torch.stack([torch.stack([q @ p for p in passages]) for q in queries]) / temperature


def plain_kl(teacher, student, temperature):
    """Return the mean over rows of sum over columns of p log(p / q)."""
    p = torch.exp(teacher / temperature)
    p = p / p.sum(dim=1, keepdim=True)
    q = torch.exp(student / temperature)
    q = q / q.sum(dim=1, keepdim=True)
    return (p * (p.log() - q.log())).sum(dim=1).mean()


@pytest.mark.parametrize("similarity", ["cosine", "dot"])
@pytest.mark.parametrize("name", ["srl", "single", "mrl"])
def test_every_size_with_a_base_loss_is_pulled_towards_the_teacher(
    tiny_model, teacher_model, name, similarity
):
    tiny_model.eval()
    texts = texts_of(3)
    with torch.no_grad():
        taught = [teacher_model.encode(column, convert_to_tensor=True) for column in texts]
    teacher = Teacher(teacher_model, weight=0.7, temperature=2.0)
    found = layered(tiny_model, teacher, name, similarity)(features_of(tiny_model, texts), None)
    without = layered(tiny_model, None, name, similarity)(features_of(tiny_model, texts), None)
    layers = {}
    for column in texts:
        encoded = tiny_model[0].auto_model(
            **{k: v for k, v in tiny_model.preprocess(column).items() if torch.is_tensor(v)},
            output_hidden_states=True,
        )
        mask = tiny_model.preprocess(column)["attention_mask"][..., None].float()
        for layer, hidden in enumerate(encoded.hidden_states):
            mean = (hidden * mask).sum(dim=1) / mask.sum(dim=1)
            layers.setdefault(layer, []).append(mean)
    trained = {
        "srl": SIZES,
        "single": [Size(4, 16)],
        "mrl": [Size(4, 4), Size(4, 8), Size(4, 16)],
    }[name]
    target = plain_scores(taught, 16, similarity, 0.5)
    pulled = [
        plain_kl(target, plain_scores(layers[size.layers], size.dim, similarity, 0.5), 2.0)
        for size in trained
    ]
    expected = without + 0.7 * sum(pulled)
    assert float(found.detach()) == pytest.approx(float(expected.detach()), rel=1e-5)
    for ours, plain in zip(
        gradients(found, tiny_model), gradients(expected, tiny_model), strict=True
    ):
        assert (ours is None) == (plain is None)
        if ours is not None:
            torch.testing.assert_close(ours, plain, rtol=1e-4, atol=1e-6)
    assert all(parameter.grad is None for parameter in teacher_model.parameters())


def test_the_lesson_of_a_model_for_itself_is_zero_at_its_full_size(tiny_model):
    tiny_model.eval()
    columns = features_of(tiny_model, texts_of(2))
    teacher = Teacher(copy.deepcopy(tiny_model))
    found, without = (layered(tiny_model, t, "single")(columns, None) for t in (teacher, None))
    assert float(found.detach()) == pytest.approx(float(without.detach()), abs=1e-6)


def test_a_teacher_that_normalises_is_read_as_it_embeds(tiny_model, teacher_model):
    tiny_model.eval()
    columns = features_of(tiny_model, texts_of(2))
    plain = layered(tiny_model, Teacher(teacher_model), "single", "dot")(columns, None)
    scaled = copy.deepcopy(teacher_model)
    scaled.append(Normalize())
    normalised = layered(tiny_model, Teacher(scaled), "single", "dot")(columns, None)
    assert float(normalised.detach()) != pytest.approx(float(plain.detach()), abs=1e-3)
    teacher = copy.deepcopy(scaled)
    taught = [teacher.encode(column, convert_to_tensor=True) for column in texts_of(2)]
    target = plain_scores(taught, 16, "dot", 0.5)
    own = [tiny_model.encode(column, convert_to_tensor=True) for column in texts_of(2)]
    base = layered(tiny_model, None, "single", "dot")(columns, None)
    expected = base + plain_kl(target, plain_scores(own, 16, "dot", 0.5), 1.0)
    assert float(normalised.detach()) == pytest.approx(float(expected.detach()), rel=1e-5)


def test_mini_batches_teach_the_same(tiny_model, teacher_model):
    tiny_model.eval()
    columns = features_of(tiny_model, texts_of(3))
    objective = OBJECTIVES["srl"].model_validate({"objective": "srl"})
    found = [
        gradients(
            LayeredLoss(
                tiny_model,
                RankingLoss("cosine", 0.5),
                SIZES,
                objective,
                mini_batch_size=size,
                teacher=Teacher(teacher_model),
            )(columns, None),
            tiny_model,
        )
        for size in (None, 3)
    ]
    for whole, parts in zip(*found, strict=True):
        assert (whole is None) == (parts is None)
        if whole is not None:
            torch.testing.assert_close(whole, parts, rtol=1e-4, atol=1e-6)


def test_a_teacher_needs_in_batch_scores(tiny_model, teacher_model):
    objective = OBJECTIVES["single"].model_validate({"objective": "single"})
    with pytest.raises(InputError, match=r"a teacher needs .*CoSENTLoss has none"):
        LayeredLoss(
            tiny_model, CoSENTLoss(tiny_model), SIZES, objective, teacher=Teacher(teacher_model)
        )
