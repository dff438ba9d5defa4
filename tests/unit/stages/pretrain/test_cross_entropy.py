"""The blockwise cross-entropy against logits of all rows at once."""

import pytest
import torch
import torch.nn.functional as F

from starbench.stages.pretrain import cross_entropy
from starbench.stages.pretrain.cross_entropy import projected_cross_entropy

ROWS, WIDTH, VOCABULARY = 23, 8, 50


@pytest.fixture
def parts():
    """States, weight, bias (all with gradients) and labels."""
    draw = torch.Generator().manual_seed(0)
    shapes = [(ROWS, WIDTH), (VOCABULARY, WIDTH), (VOCABULARY,)]
    made = [torch.randn(shape, generator=draw, requires_grad=True) for shape in shapes]
    return made, torch.randint(0, VOCABULARY, (ROWS,), generator=draw)


def plain(parts):
    (states, weight, bias), labels = parts
    return F.cross_entropy(F.linear(states, weight, bias), labels, reduction="none")


@pytest.mark.parametrize("few", [1, 2, 1000])
@pytest.mark.parametrize("rows_at_once", [1, 5, 23, 1000])
def test_losses_and_gradients_equal_the_plain_ones(parts, monkeypatch, rows_at_once, few):
    monkeypatch.setitem(cross_entropy.LOGIT_BYTES, "cpu", rows_at_once * VOCABULARY * 4)
    monkeypatch.setitem(cross_entropy.SOFTMAX_BYTES, "cpu", few * VOCABULARY * 4)
    leaves, labels = parts
    mean, losses = projected_cross_entropy(*leaves, labels)
    expected = plain(parts)
    torch.testing.assert_close(losses, expected.detach())
    torch.testing.assert_close(mean, expected.mean())
    gradients = torch.autograd.grad(3 * mean, leaves)
    for own, other in zip(gradients, torch.autograd.grad(3 * expected.mean(), leaves), strict=True):
        torch.testing.assert_close(own, other, rtol=1e-5, atol=1e-6)


def test_states_alone_may_want_gradients(parts):
    (states, weight, bias), labels = parts
    frozen = weight.detach(), bias.detach()
    mean, _ = projected_cross_entropy(states, *frozen, labels)
    (own,) = torch.autograd.grad(mean, states)
    (other,) = torch.autograd.grad(plain(parts).mean(), states)
    torch.testing.assert_close(own, other, rtol=1e-5, atol=1e-6)


def test_without_gradients_only_the_losses_are_computed(parts):
    leaves, labels = parts
    with torch.no_grad():
        mean, losses = projected_cross_entropy(*leaves, labels)
    assert not mean.requires_grad
    torch.testing.assert_close(losses, plain(parts).detach())


@pytest.mark.parametrize("rows_at_once", [4, 1000])
def test_in_bfloat16_gradients_are_float32_and_close(parts, monkeypatch, rows_at_once):
    monkeypatch.setitem(cross_entropy.LOGIT_BYTES, "cpu", rows_at_once * VOCABULARY * 2)
    monkeypatch.setitem(cross_entropy.SOFTMAX_BYTES, "cpu", 3 * VOCABULARY * 4)
    leaves, labels = parts
    with torch.autocast("cpu", torch.bfloat16):
        mean, losses = projected_cross_entropy(*leaves, labels)
    assert mean.dtype == losses.dtype == torch.float32
    exact = plain(parts).mean()
    assert mean.item() == pytest.approx(exact.item(), rel=0.02)
    for own, other in zip(
        torch.autograd.grad(mean, leaves), torch.autograd.grad(exact, leaves), strict=True
    ):
        assert own.dtype == torch.float32
        assert (own - other).abs().max() < 0.02 * other.abs().max()


def test_a_very_large_logit_overflows_nothing():
    states = torch.tensor([[300.0]], requires_grad=True)
    weight = torch.tensor([[1.0], [-1.0]])
    mean, _ = projected_cross_entropy(states, weight, torch.zeros(2), torch.tensor([1]))
    assert mean.item() == pytest.approx(600.0)
    mean.backward()
    assert states.grad.item() == pytest.approx(2.0)
