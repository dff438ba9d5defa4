"""What runs on a GPU runs on the second device: the same values, and no mixing of devices.

`test_devices.py` runs these in a process of their own.
"""

import copy

import numpy as np
import pytest
import torch

from starbench.objectives import OBJECTIVES, PRETRAINING_OBJECTIVES
from starbench.sizes import Size
from starbench.stages.embed.layered_encoder import LayeredEncoder
from starbench.stages.evaluate import search as search_module
from starbench.stages.evaluate.coded_search import search_codes
from starbench.stages.evaluate.coding import coder_of
from starbench.stages.evaluate.search import candidates, merged, search
from starbench.stages.finetune.layered_loss import LayeredLoss
from starbench.stages.finetune.ranking_loss import RankingLoss
from starbench.stages.pretrain.masking import UNLABELLED
from starbench.stages.pretrain.model import PretrainingModel
from tests.device.second_device import NAME, OnDevice, SecondDevice, moved, register, there
from tests.unit.stages.evaluate.test_search import stored

register()
SIZES = [Size(1, 4), Size(2, 8), Size(4, 16)]
STS, RETRIEVAL = RankingLoss("cosine", 0.05), RankingLoss("dot", 1.0)
SCORES = {"kl_over": "scores", "kl_weight": 1.0, "kl_detach": True}


@pytest.fixture(autouse=True)
def second_device():
    with SecondDevice():
        yield


def values(tensors):
    """Tensors of the device as those of the processor, each asserted to be of the device."""
    for tensor in tensors.values():
        assert isinstance(tensor, OnDevice)
    return {name: tensor.held.clone() for name, tensor in tensors.items()}


def gradients(model):
    return {n: p.grad for n, p in model.named_parameters() if p.grad is not None}


def assert_close(found, expected):
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value, rtol=1e-3, atol=2e-5)


def test_an_operation_on_both_devices_raises():
    one, other = there(torch.ones(2, 3)), torch.ones(3)
    for mixed in (
        lambda: one + other,
        lambda: one @ other,
        lambda: torch.cat([one, torch.ones(1, 3)]),
        lambda: torch.where(one > 0, one, other),
        lambda: one[torch.tensor([0, 1])],
        lambda: torch.nn.functional.embedding(torch.tensor([0]), one),
        lambda: one.scatter_add_(0, torch.zeros(1, 3, dtype=torch.long), one),
    ):
        with pytest.raises(RuntimeError, match="expected all tensors on one device"):
            mixed()
    with pytest.raises((RuntimeError, TypeError), match="numpy"):
        one.numpy()


def test_scalars_and_copies_are_allowed_as_on_a_gpu():
    one = there(torch.ones(2, 3))
    assert (one + torch.tensor(1.0)).device.type == NAME
    assert type(one.cpu()) is torch.Tensor
    assert isinstance(torch.ones(3).to(one.device), OnDevice)
    assert one.copy_(torch.zeros(2, 3)) is one
    assert one.held.sum() == 0


def test_a_loss_with_one_column_left_behind_raises(tiny_model, triplet_columns):
    loss = LayeredLoss(tiny_model, STS, SIZES, OBJECTIVES["srl"](objective="srl"))
    moved(tiny_model)
    columns = there(triplet_columns[:2]) + triplet_columns[2:]
    with pytest.raises(RuntimeError, match="expected all tensors on one device"):
        loss(columns, None)


@pytest.mark.parametrize("mini_batch_size", [None, 3])
@pytest.mark.parametrize(
    ("base", "options"),
    [
        (STS, {"objective": "single"}),
        (STS, {"objective": "mrl"}),
        (STS, {"objective": "2dmse"}),
        (STS, {"objective": "srl"}),
        (RETRIEVAL, {"objective": "srl", **SCORES}),
        (
            RETRIEVAL,
            {
                "objective": "2dmse",
                "kl_sizes": "size",
                "dims_per_step": -1,
                "sampled_layers": "trained",
                **SCORES,
            },
        ),
        (STS, {"objective": "ese", "compressed_dim": 4}),
        (STS, {"objective": "3d-ml"}),
        (STS, {"objective": "score-distillation"}),
        (STS, {"objective": "asymmetric"}),
        (RETRIEVAL, {"objective": "asymmetric", "over": "scores"}),
        (RETRIEVAL, {"objective": "cascade", **SCORES}),
    ],
)
def test_a_step_of_fine_tuning(tiny_model, triplet_columns, base, options, mini_batch_size):
    # Rows 3 to 5 repeat rows 0 to 2: each text's second copy is a right answer, too.
    keys = torch.arange(1, 13).reshape(2, 6).T % 3 + 1
    labels = torch.cat([keys, keys[:, :1]], dim=1) if base is RETRIEVAL else None
    objective = OBJECTIVES[options["objective"]].model_validate(options)
    loss = LayeredLoss(tiny_model, base, SIZES, objective, mini_batch_size=mini_batch_size)
    expected = loss(copy.deepcopy(triplet_columns), labels)
    expected.backward()
    grads = {name: grad.clone() for name, grad in gradients(tiny_model).items()}
    assert grads
    tiny_model.zero_grad()
    moved(tiny_model)
    loss.start_step(0)
    found = loss(there(triplet_columns), there(labels))
    found.backward()
    torch.testing.assert_close(found.held, expected.detach(), rtol=1e-5, atol=0)
    assert_close(values(gradients(tiny_model)), grads)


@pytest.mark.parametrize("train_dim", ["own", "full"])
def test_a_step_of_a_model_of_its_own(tiny_model, triplet_columns, train_dim):
    objective = OBJECTIVES["separate"](objective="separate", train_dim=train_dim)
    loss = LayeredLoss(tiny_model, STS, [Size(4, 8)], objective)
    expected = loss(copy.deepcopy(triplet_columns), None).item()
    moved(tiny_model)
    found = loss(there(triplet_columns), None)
    found.backward()
    assert found.item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("name", PRETRAINING_OBJECTIVES)
def test_a_step_of_pre_training(tiny_checkpoint, name):
    from starbench.encoders.masked_lm import load_masked_lm

    objective = PRETRAINING_OBJECTIVES[name]
    sizes = objective.sizes(SIZES, SIZES[-1])
    model = PretrainingModel(load_masked_lm(tiny_checkpoint), sizes, objective.autoencoder)
    draw = torch.Generator().manual_seed(1)
    ids = torch.randint(5, 30, (4, 9), generator=draw)
    mask = (torch.arange(9) < torch.tensor([[9], [7], [4], [9]])).long()
    labels = ids.masked_fill(torch.rand(4, 9, generator=draw) > 0.4, UNLABELLED)
    labels = labels.masked_fill(mask == 0, UNLABELLED)
    labels[:, 0] = UNLABELLED
    batch = (ids, labels, ids.flip(0), labels, mask)
    expected = model(*batch)
    expected["loss"].backward()
    grads = {name: grad.clone() for name, grad in gradients(model).items()}
    model.zero_grad()
    moved(model)
    model.masked_lm.tie_weights()
    found = model(*there(batch))
    found["loss"].backward()
    assert_close(
        {key: value.detach().held for key, value in found.items()},
        {key: value.detach() for key, value in expected.items()},
    )
    assert_close(values(gradients(model)), grads)


@pytest.mark.parametrize("pooling", ["mean", "cls"])
def test_a_batch_of_texts_is_embedded(tiny_checkpoint, pooling):
    from transformers import AutoModel, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(tiny_checkpoint)
    transformer = AutoModel.from_pretrained(tiny_checkpoint)
    encoder = LayeredEncoder(transformer, tokenizer, pooling, [1, 2, 4], 32)
    ids = [[2, 7, 8, 9, 3], [2, 3], [2, 11, 12, 3]]
    expected = encoder.embed_batch(ids)
    moved(encoder.transformer)
    encoder.device = torch.device(NAME, 0)
    found = encoder.embed_batch(ids)
    assert found.keys() == expected.keys() == {1, 2, 4}
    for layer, vectors in expected.items():
        assert type(found[layer]) is np.ndarray
        np.testing.assert_allclose(found[layer], vectors, rtol=1e-3, atol=2e-5)


@pytest.mark.parametrize("similarity", ["dot", "cosine"])
def test_passages_are_searched_in_blocks_and_merged(tmp_path, similarity, monkeypatch):
    # Small blocks: full and sparse keys, and a block that adds nothing.
    monkeypatch.setattr(search_module, "FIRST_BLOCK", 8)
    draw = np.random.default_rng(0)
    told = {n: draw.integers(-2, 3, (60, 8)).astype(np.float32) for n in (1, 2)}
    queries = stored(
        tmp_path / "q", {n: draw.integers(-2, 3, (5, 8)).astype(np.float32) for n in (1, 2)}
    )
    parts = [
        stored(tmp_path / f"p{i}", {n: v[rows] for n, v in told.items()})
        for i, rows in enumerate((slice(0, 40), slice(40, 60)))
    ]
    cells = [Size(layer, dim) for layer in (1, 2) for dim in (3, 8)]
    ties = np.random.default_rng(1).permutation(60)
    device = torch.device(NAME, 0)
    expected = search(queries, parts, cells, 7, similarity, ties)
    found = search(queries, parts, cells, 7, similarity, ties, device)
    ranks = [ties[:40].argsort().argsort(), ties[40:].argsort().argsort()]
    shards = [
        candidates(queries, [part], cells, 7, similarity, rank, device)
        for part, rank in zip(parts, ranks, strict=True)
    ]
    for cell in cells:
        joined = merged([shard[cell] for shard in shards], [0, 40], 7, ties)
        for ranking in (found[cell], joined):
            np.testing.assert_array_equal(ranking.rows, expected[cell].rows)
            np.testing.assert_allclose(ranking.scores, expected[cell].scores, rtol=1e-6)


@pytest.mark.parametrize("rotation", ["none", "pca"])
def test_codes_are_made_and_searched(tmp_path, rotation):
    draw = np.random.default_rng(0)
    told, asked = (draw.standard_normal((rows, 8)).astype(np.float32) for rows in (60, 5))
    queries, passages = stored(tmp_path / "q", {1: asked}), stored(tmp_path / "p", {1: told})
    coders = {
        name: coder_of(name, True, rotation, told[:40], "texts")
        for name in ("float16", "int8", "binary")
    }
    arguments = queries, [passages], Size(1, 8), coders, 7, np.arange(60)
    expected, found = search_codes(*arguments), search_codes(*arguments, torch.device(NAME, 0))
    assert found.blank == expected.blank
    for name, ranking in found.rankings.items():
        np.testing.assert_allclose(ranking.scores, expected.rankings[name].scores, rtol=1e-5)
