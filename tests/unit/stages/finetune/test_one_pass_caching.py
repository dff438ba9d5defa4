"""Batches embedded a few texts at a time: the gradients of all at once, in less memory."""

import copy

import pytest
import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Pooling, Transformer
from torch.nn.parallel import DistributedDataParallel

from starbench import Size
from starbench.objectives.mse2d import Mse2d
from starbench.objectives.srl import Srl
from starbench.stages.finetune import one_pass
from starbench.stages.finetune.layered_loss import LayeredLoss
from starbench.stages.finetune.ranking_loss import RankingLoss
from tests.conftest import WIDTH
from tests.unit.process_group import found_by_two, join_group, leave_group

SIZES = [Size(1, 4), Size(2, 8), Size(4, 16)]
OBJECTIVES = {
    "srl": Srl(objective="srl", kl_over="scores", kl_detach=True),
    "2dmse": Mse2d(objective="2dmse"),
}


def with_dropout(model, rate):
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = rate
    return model.train()


def trained_step(model, columns, mini_batch_size, objective="srl", wrapped=None):
    """The loss of one step and the gradients of all weights."""
    loss = LayeredLoss(
        model, RankingLoss(), SIZES, OBJECTIVES[objective], mini_batch_size=mini_batch_size
    )
    loss.model = wrapped or model
    loss.start_step(0)
    model.zero_grad()
    torch.manual_seed(0)
    value = loss(copy.deepcopy(columns), None)
    value.backward()
    return value.item(), {name: p.grad.clone() for name, p in model.named_parameters()
                          if p.grad is not None}  # fmt: skip


@pytest.mark.parametrize("objective", sorted(OBJECTIVES))
@pytest.mark.parametrize("mini_batch_size", [1, 4, 100])
def test_the_gradients_are_those_of_all_texts_at_once(
    tiny_model, triplet_columns, objective, mini_batch_size
):
    whole = trained_step(tiny_model, triplet_columns, None, objective)
    cached = trained_step(tiny_model, triplet_columns, mini_batch_size, objective)
    assert cached[0] == pytest.approx(whole[0], rel=1e-6)
    assert cached[1].keys() == whole[1].keys()
    for name, gradient in whole[1].items():
        torch.testing.assert_close(cached[1][name], gradient, rtol=1e-3, atol=2e-5)


def test_both_passes_over_a_text_have_the_same_dropout(tiny_model, triplet_columns, monkeypatch):
    with_dropout(tiny_model, 0.3)
    cached = trained_step(tiny_model, triplet_columns, 5)
    # The same groups, each embedded once: they draw in the same order.
    again = []
    monkeypatch.setattr(
        one_pass, "checkpoint", lambda embed, features, **_: again.append(1) or embed(features)
    )
    once = trained_step(tiny_model, triplet_columns, 5)
    assert len(again) > 1
    for name, gradient in once[1].items():
        torch.testing.assert_close(cached[1][name], gradient, rtol=1e-3, atol=2e-5)
    other = trained_step(with_dropout(tiny_model, 0.0), triplet_columns, None)
    assert other[0] != pytest.approx(once[0], rel=1e-3)


def test_what_fits_into_the_memory_of_a_mini_batch_is_embedded_once(
    tiny_model, triplet_columns, monkeypatch
):
    again = []
    monkeypatch.setattr(
        one_pass, "checkpoint", lambda embed, features, **_: again.append(1) or embed(features)
    )
    many = [{n: rows.repeat(20, 1) for n, rows in column.items()} for column in triplet_columns]
    times = {}
    for mini_batch_size in (20, 60, 180, 360):
        again.clear()
        trained_step(tiny_model, many, mini_batch_size)
        times[mini_batch_size] = len(again)
    assert times[20] > times[60] > times[180] > times[360] == 0


def kept_bytes(model, columns, mini_batch_size):
    """Bytes of the activations that a forward pass keeps for its backward pass."""
    kept = {}

    def keep(tensor):
        kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    weights = {p.untyped_storage().data_ptr() for p in model.parameters()}
    loss = LayeredLoss(
        model, RankingLoss(), SIZES, OBJECTIVES["srl"], mini_batch_size=mini_batch_size
    )
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        loss(columns, None)
    return sum(size for pointer, size in kept.items() if pointer not in weights)


def test_a_large_batch_keeps_what_a_small_one_does(tiny_model, triplet_columns):
    many = [{n: rows.repeat(20, 1) for n, rows in column.items()} for column in triplet_columns]
    small = kept_bytes(tiny_model, copy.deepcopy(triplet_columns), None)
    texts = sum(len(column["input_ids"]) for column in many)
    longest = max(column["input_ids"].shape[1] for column in many)
    # Besides activations: ids and mask of all texts, and for the loss their embeddings at each of
    # three layers, once more cut to each of three sizes and normalised, and scores.
    inputs = texts * longest * 8 * 4
    scored = 3 * texts * WIDTH * 4 * 8 + 3 * (texts // 3) * (2 * texts // 3) * 4 * 4
    cached = kept_bytes(tiny_model, copy.deepcopy(many), texts // 20)
    assert cached < small + inputs + scored
    assert cached < kept_bytes(tiny_model, copy.deepcopy(many), None) / 3


def train_half(number, checkpoint, columns, folder, results):
    join_group(number, 2, folder)
    mine = slice(number * 3, number * 3 + 3)
    half = [{name: rows[mine] for name, rows in column.items()} for column in columns]
    transformer = Transformer(str(checkpoint))
    model = SentenceTransformer(modules=[transformer, Pooling(WIDTH)], device="cpu")
    wrapped = DistributedDataParallel(model, find_unused_parameters=True)
    value, gradients = trained_step(model, half, 2, wrapped=wrapped)
    results.put((value, {name: gradient.numpy() for name, gradient in gradients.items()}))
    leave_group(results)


def test_two_processes_that_cache_have_the_gradients_of_one_that_does_not(
    tiny_model, tiny_checkpoint, triplet_columns, tmp_path
):
    whole = trained_step(tiny_model, triplet_columns, None)
    found = found_by_two(train_half, tiny_checkpoint, triplet_columns, str(tmp_path))
    assert sum(value for value, _ in found) / 2 == pytest.approx(whole[0], rel=1e-5)
    for _, gradients in found:
        for name, gradient in whole[1].items():
            torch.testing.assert_close(
                torch.tensor(gradients[name]), gradient, rtol=1e-3, atol=1e-5
            )
