"""The loss `softmax`: cross-entropy at each size and its gradients, against the formula."""

import numpy as np
import pytest
import torch

from starbench.objectives.softmax import Softmax
from starbench.sizes import Size
from starbench.stages.finetune.heads import HeadsLoss
from starbench.stages.finetune.layered_loss import LayeredLoss
from starbench.stages.finetune.one_pass import embed_columns
from starbench.store.heads import heads_in, write_heads

CLASSES = ("a", "b", "c")
SIZES = [Size(1, 4), Size(2, 8), Size(4, 16)]
OVER = {
    "dims": [Size(4, 4), Size(4, 8), Size(4, 16)],
    "layers": [Size(1, 16), Size(2, 16), Size(4, 16)],
    "sizes": SIZES,
    "full": [Size(4, 16)],
}


@pytest.fixture
def batch(tiny_model):
    """The features of six texts, and their labels."""
    texts = ["a cat .", "the man sees the red boat .", "a bird .", "a dog .", "not a bird .", "a"]
    kept = ("input_ids", "attention_mask", "token_type_ids")
    found = {key: value for key, value in tiny_model.preprocess(texts).items() if key in kept}
    return [found], torch.tensor([0, 1, 2, 0, 1, 2])


def by_formula(weight, bias, embeddings, labels):
    """-mean log softmax(W v + b)[label], and its gradients by W and b, written out."""
    logits = embeddings @ weight.T + bias
    exponents = np.exp(logits - logits.max(axis=1, keepdims=True))
    probabilities = exponents / exponents.sum(axis=1, keepdims=True)
    rows = np.arange(len(labels))
    loss = -np.log(probabilities[rows, labels]).mean()
    wrong = probabilities.copy()
    wrong[rows, labels] -= 1
    return loss, wrong.T @ embeddings / len(labels), wrong.mean(axis=0)


@pytest.mark.parametrize("heads", ["each", "shared"])
@pytest.mark.parametrize("over", OVER)
def test_the_loss_and_its_gradients_are_those_of_the_formula(tiny_model, batch, over, heads):
    objective = Softmax(objective="softmax", over=over, heads=heads)
    base = HeadsLoss(CLASSES, OVER[over], objective.shares_heads, seed=3)
    loss = LayeredLoss(tiny_model, base, SIZES, objective)
    features, labels = batch
    value = loss(features, labels)
    value.backward()
    with torch.no_grad():
        columns = embed_columns(tiny_model, features, [1, 2, 4])
    total, gradients, biases = 0.0, {}, {}
    for size in OVER[over]:
        name = "shared" if heads == "shared" else str(size)
        head = base.heads[name]
        weight, bias = head.weight.detach().numpy(), head.bias.detach().numpy()
        embeddings = columns[size.layers][0].numpy()[:, : size.dim]
        part, by_weight, by_bias = by_formula(
            weight[:, : size.dim], bias, embeddings, labels.numpy()
        )
        total += part
        gradients.setdefault(name, np.zeros_like(weight))[:, : size.dim] += by_weight
        biases.setdefault(name, np.zeros_like(bias))[...] += by_bias
    assert value.item() == pytest.approx(total, rel=1e-5)
    assert set(gradients) == set(base.heads), "every head is used, and no other"
    for name, head in base.heads.items():
        np.testing.assert_allclose(head.weight.grad.numpy(), gradients[name], atol=1e-6)
        np.testing.assert_allclose(head.bias.grad.numpy(), biases[name], atol=1e-6)
    assert any(p.grad is not None and p.grad.abs().sum() > 0 for p in tiny_model.parameters())


def test_the_gradient_that_reaches_the_embedding_is_that_of_the_formula():
    base = HeadsLoss(CLASSES, SIZES, shared=True)
    embeddings = torch.randn(5, 8, dtype=torch.float32, requires_grad=True)
    labels = torch.tensor([0, 2, 1, 1, 0])
    base.loss_at(Size(2, 8), embeddings, labels).backward()
    weight = base.heads["shared"].weight[:, :8]
    logits = embeddings @ weight.T + base.heads["shared"].bias
    wrong = logits.softmax(dim=1) - torch.eye(3)[labels]
    torch.testing.assert_close(embeddings.grad, (wrong @ weight / 5).detach())


def test_first_weights_are_a_function_of_the_seed_and_the_size():
    one, same, other = (HeadsLoss(CLASSES, SIZES, seed=seed).trained() for seed in (1, 1, 2))
    name = "n2-d8"
    assert np.array_equal(one.weights[name], same.weights[name])
    assert not np.array_equal(one.weights[name], other.weights[name])
    assert np.abs(one.weights[name]).max() <= 1 / np.sqrt(8)


@pytest.mark.parametrize("shared", [False, True])
def test_heads_that_are_kept_and_read_again_are_the_same(tmp_path, shared):
    base = HeadsLoss(CLASSES, SIZES, shared, seed=5)
    write_heads(tmp_path / "heads.safetensors", base.trained())
    kept = heads_in(tmp_path / "heads.safetensors")
    assert kept.classes == CLASSES and kept.shared == shared
    assert kept.at(Size(2, 16)) is None, "a cell that is not trained has no head"
    embeddings = torch.randn(4, 8)
    weight, bias = kept.at(Size(2, 8))
    expected = base.logits(Size(2, 8), embeddings).detach().numpy()
    np.testing.assert_allclose(embeddings.numpy() @ weight.T + bias, expected, atol=1e-6)
    fresh = HeadsLoss(CLASSES, SIZES, shared, seed=6)
    fresh.take(kept)
    torch.testing.assert_close(
        fresh.logits(Size(4, 16), torch.ones(1, 16)), base.logits(Size(4, 16), torch.ones(1, 16))
    )
