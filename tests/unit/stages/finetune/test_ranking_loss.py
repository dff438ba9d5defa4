"""The ranking loss, its alignment over scores and its batches, against formulas written plainly."""

import math
import random

import numpy as np
import pytest
import torch
from datasets import Dataset
from sentence_transformers.sentence_transformer.losses import MultipleNegativesRankingLoss
from torch.nn import functional as F

from starbench import Size, Step
from starbench.objectives import OBJECTIVES
from starbench.stages.finetune.layered_loss import LayeredLoss
from starbench.stages.finetune.passages import PassageCollator, _key
from starbench.stages.finetune.ranking_loss import RankingLoss

SIZES = [Size(1, 4), Size(2, 8), Size(4, 16)]
QUERIES, NEGATIVES = 3, 2
RETRIEVAL = {"kl_over": "scores", "kl_weight": 1.0, "kl_detach": True}


def embeddings(seed=0, layers=(1, 2, 4)):
    """{layer: [queries (3, 16), passages (9, 16)]}, with gradients."""
    draw = torch.Generator().manual_seed(seed)
    return {
        layer: [
            torch.randn(rows, 16, generator=draw, requires_grad=True)
            for rows in (QUERIES, QUERIES * (1 + NEGATIVES))
        ]
        for layer in layers
    }


def leaves(columns):
    return [tensor for pair in columns.values() for tensor in pair]


def plain_scores(columns, size, temperature=1.0):
    queries, passages = columns[size.layers]
    return torch.stack(
        [
            torch.stack([(q[: size.dim] * p[: size.dim]).sum() / temperature for p in passages])
            for q in queries
        ]
    )


def plain_cross_entropy(scores, left_out=()):
    """Mean of -log softmax of the own positive: query i's stands in column i."""
    losses = []
    for row in range(len(scores)):
        kept = [c for c in range(scores.shape[1]) if (row, c) not in left_out]
        total = torch.stack([scores[row, c].exp() for c in kept]).sum()
        losses.append(-(scores[row, row].exp() / total).log())
    return torch.stack(losses).mean()


def plain_kl(teacher, student, left_out=()):
    """Mean over queries of the sum over passages of p log(p / q)."""
    total = 0
    for row in range(len(teacher)):
        kept = [c for c in range(teacher.shape[1]) if (row, c) not in left_out]
        p = torch.softmax(teacher[row, kept], 0).detach()
        q = torch.softmax(student[row, kept], 0)
        total = total + (p * (p / q).log()).sum()
    return total / len(teacher)


def labels_of(passages, answers):
    """The keys that a collator would give: own passages in group order, then right answers."""
    most = max(map(len, answers))
    return torch.tensor(
        [
            [*map(_key, group), *map(_key, right), *[0] * (most - len(right))]
            for group, right in zip(passages, answers, strict=True)
        ]
    )


def gradients(value, columns):
    return torch.autograd.grad(value, leaves(columns), allow_unused=True)


def assert_same(ours, reference, columns):
    torch.testing.assert_close(ours, reference, rtol=1e-5, atol=1e-6)
    for mine, other in zip(gradients(ours, columns), gradients(reference, columns), strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-4, atol=1e-6)


def layered(tiny_model, objective, temperature=1.0, sizes=SIZES, **options):
    loss = RankingLoss("dot", temperature, **options)
    return LayeredLoss(tiny_model, loss, sizes, objective)


def test_srl_is_a_cross_entropy_at_every_size_and_a_kl_over_scores(tiny_model):
    objective = OBJECTIVES["srl"].model_validate({"objective": "srl", **RETRIEVAL})
    columns = embeddings()
    loss = layered(tiny_model, objective, temperature=2.0)
    terms = objective.terms(Step(SIZES, SIZES[-1]))
    ours = loss.from_embeddings(columns, None, terms)
    full = plain_scores(columns, SIZES[-1], 2.0)
    reference = plain_cross_entropy(full)
    for size in SIZES[:-1]:
        scores = plain_scores(columns, size, 2.0)
        reference = reference + plain_cross_entropy(scores) + plain_kl(full, scores)
    assert_same(ours, reference, columns)


def test_2dmse_as_the_retrieval_code_has_it_is_all_dims_of_a_sampled_and_the_last_layer(tiny_model):
    objective = OBJECTIVES["2dmse"].model_validate(
        {
            "objective": "2dmse",
            "sampled_layers": "trained",
            "layers_per_step": 1,
            "dims_per_step": -1,
            "layer_weight": "uniform",
            "kl_sizes": "size",
            "kl_temperature": 1.0,
            **RETRIEVAL,
        }
    )
    columns = embeddings(1)
    loss = layered(tiny_model, objective)
    sampled = set()
    for seed in range(10):
        terms = objective.terms(Step(SIZES, SIZES[-1], draw=np.random.default_rng(seed)))
        (layer,) = {size.layers for term in terms for size in term.trains} - {4}
        sampled.add(layer)
        ours = loss.from_embeddings(columns, None, terms)
        full = plain_scores(columns, SIZES[-1])
        reference = plain_cross_entropy(full)
        others = [Size(n, d) for n in (layer, 4) for d in (4, 8, 16) if (n, d) != (4, 16)]
        for size in others:
            scores = plain_scores(columns, size)
            reference = reference + plain_cross_entropy(scores) + plain_kl(full, scores)
        assert_same(ours, reference, columns)
    assert sampled == {1, 2}


@pytest.mark.parametrize("objective", ["single", "separate", "mrl"])
def test_the_other_objectives_are_sums_of_cross_entropies(tiny_model, objective):
    options = {"objective": objective} | ({"train_dim": "own"} if objective == "separate" else {})
    made = OBJECTIVES[objective].model_validate(options)
    columns = embeddings(2)
    sizes = [Size(2, 8)] if objective == "separate" else SIZES
    expected = {
        "single": [Size(4, 16)],
        "separate": [Size(2, 8)],
        "mrl": [Size(4, 4), Size(4, 8), Size(4, 16)],
    }[objective]
    terms = made.terms(Step(sizes, SIZES[-1]))
    ours = layered(tiny_model, made, sizes=sizes).from_embeddings(columns, None, terms)
    reference = sum(plain_cross_entropy(plain_scores(columns, size)) for size in expected)
    assert_same(ours, reference, columns)


@pytest.mark.parametrize("masked", [True, False])
def test_other_right_answers_are_left_out_of_loss_and_kl_if_they_are_masked(tiny_model, masked):
    passages = [["a", "b", "c"], ["d", "a", "e"], ["f", "g", "h"]]
    answers = [["a", "e"], ["d"], ["f", "d", "b"]]
    # Columns: positives a d f, first negatives b a g, second negatives c e h.
    left_out = {(0, 4), (0, 7), (2, 1), (2, 3)} if masked else ()
    columns, labels = embeddings(3), labels_of(passages, answers)
    objective = OBJECTIVES["srl"].model_validate({"objective": "srl", **RETRIEVAL})
    terms = objective.terms(Step(SIZES, SIZES[-1]))
    loss = layered(tiny_model, objective, mask_right_answers=masked)
    ours = loss.from_embeddings(columns, labels, terms)
    full = plain_scores(columns, SIZES[-1])
    reference = plain_cross_entropy(full, left_out)
    for size in SIZES[:-1]:
        scores = plain_scores(columns, size)
        reference = reference + plain_cross_entropy(scores, left_out)
        reference = reference + plain_kl(full, scores, left_out)
    assert_same(ours, reference, columns)


def test_scores_in_bfloat16_are_those_of_a_matrix_product_under_autocast(tiny_model):
    draw = torch.Generator().manual_seed(5)
    columns = [30 * torch.randn(rows, 16, generator=draw) for rows in (4, 12)]
    for column in columns:
        column.requires_grad_()
    ours = RankingLoss("dot", 2.0, bf16_scores=True).compute_loss_from_embeddings(columns)
    with torch.autocast("cpu", torch.bfloat16):
        scores = torch.matmul(columns[0], columns[1].T)
        assert scores.dtype == torch.bfloat16
        reference = F.cross_entropy(scores / 2.0, torch.arange(4))
    torch.testing.assert_close(ours, reference)
    mine, other = (torch.autograd.grad(loss, columns) for loss in (ours, reference))
    for one, two in zip(mine, other, strict=True):
        torch.testing.assert_close(one, two)
    exact = RankingLoss("dot", 2.0).compute_loss_from_embeddings(columns)
    assert not torch.allclose(ours, exact, rtol=1e-5)


def test_with_cosines_it_is_the_librarys_multiple_negatives_ranking(tiny_model):
    draw = torch.Generator().manual_seed(4)
    columns = [torch.randn(5, 16, generator=draw, requires_grad=True) for _ in range(3)]
    ours = RankingLoss("cosine", 0.05).compute_loss_from_embeddings(columns)
    library = MultipleNegativesRankingLoss(tiny_model, scale=20.0)
    reference = library.compute_loss_from_embeddings(columns, None)
    torch.testing.assert_close(ours, reference)
    for mine, other in zip(
        torch.autograd.grad(ours, columns), torch.autograd.grad(reference, columns), strict=True
    ):
        torch.testing.assert_close(mine, other)


@pytest.mark.parametrize("rank", [0, 1])
def test_among_several_processes_a_query_has_the_positives_of_all_and_its_own_passages(
    monkeypatch, rank
):
    """Of each process 2 queries: its 2 positives, then each one's first and second negative."""
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("RANK", str(rank))
    scores = torch.randn(2, 12, generator=torch.Generator().manual_seed(0))
    first = 6 * rank
    positives = F.cross_entropy(scores[:, [0, 1, 6, 7]], torch.tensor([2 * rank, 2 * rank + 1]))
    own = [scores[query, [first + query + 2 * place for place in range(3)]] for query in (0, 1)]
    hard = F.cross_entropy(torch.stack(own), torch.zeros(2, dtype=torch.long))
    loss = RankingLoss()
    torch.testing.assert_close(loss.from_scores(scores, "positives"), positives)
    torch.testing.assert_close(loss.from_scores(scores, "own"), hard)


def test_no_tensor_of_queries_by_passages_by_dimensions_is_made(tiny_model):
    objective = OBJECTIVES["srl"].model_validate({"objective": "srl", **RETRIEVAL})
    columns = {n: [torch.randn(64, 16), torch.randn(512, 16)] for n in (1, 2, 4)}
    for pair in columns.values():
        for tensor in pair:
            tensor.requires_grad_()
    sizes = []

    class Watch(torch.utils._python_dispatch.TorchDispatchMode):
        def __torch_dispatch__(self, function, types, args=(), kwargs=None):
            made = function(*args, **(kwargs or {}))
            if isinstance(made, torch.Tensor):
                sizes.append(made.numel())
            return made

    terms = objective.terms(Step(SIZES, SIZES[-1]))
    with Watch():
        layered(tiny_model, objective).from_embeddings(columns, None, terms).backward()
    assert max(sizes) == 64 * 512


@pytest.fixture
def rows():
    """Queries with one to three right answers and one to six negatives."""
    return Dataset.from_list(
        [
            {
                "query_id": str(n),
                "query": f"the man sees the boat {n}",
                "positive_passages": [
                    {"docid": f"p{n}.{i}", "title": "a dog", "text": f"right {n} {i}"}
                    for i in range(1 + n % 3)
                ],
                "negative_passages": [
                    {"docid": f"n{n}.{i}", "title": "", "text": f"wrong {n} {i}"}
                    for i in range(1 + n % 6)
                ],
            }
            for n in range(12)
        ]
    )


@pytest.fixture
def collator(rows, tiny_model):
    """Makes collators of three negatives whose passages are drawn, or take turns."""

    def make(cycled=False, seed=1):
        return PassageCollator(rows, tiny_model.tokenizer, 3, 8, 12, seed, cycled)

    return make


def places(epoch, count=12):
    return [{"row": row, "epoch": epoch} for row in range(count)]


@pytest.mark.parametrize("cycled", [True, False])
def test_a_batch_has_its_positives_first_and_the_keys_of_all_right_answers(collator, cycled):
    batch = collator(cycled)(places(0, 6))
    assert batch["query_input_ids"].shape[0] == 6
    assert batch["passage_input_ids"].shape[0] == 6 * 4
    assert batch["label"].shape == (6, 4 + 3)
    for number in range(6):
        right = {_key(f"a dog right {number} {i}") for i in range(1 + number % 3)}
        wrong = {_key(f"wrong {number} {i}") for i in range(1 + number % 6)}
        keys = batch["label"][number].tolist()
        assert keys[0] in right
        assert set(keys[1:4]) <= wrong
        assert set(keys[4:]) - {0} == right
        assert len(set(keys[1:4])) == min(3, len(wrong)), "none twice where there are enough"


@pytest.mark.parametrize("cycled", [True, False])
def test_draws_are_a_function_of_seed_epoch_and_row_and_differ_between_epochs(collator, cycled):
    collator = collator(cycled)
    first = collator(places(0))["label"]
    alone = collator(places(0)[7:8])["label"]
    assert alone[0, :4].tolist() == first[7, :4].tolist(), "whatever else is in the batch"
    epochs = [collator(places(epoch))["label"][:, :4].tolist() for epoch in range(4)]
    assert epochs[0] == first[:, :4].tolist()
    assert len({str(keys) for keys in epochs}) == 4


def test_every_negative_is_drawn_sooner_or_later(collator):
    made = collator()
    seen = {key for epoch in range(40) for key in made(places(epoch))["label"][5, 1:4].tolist()}
    assert seen == {_key(f"wrong 5 {i}") for i in range(6)}


def published_passages(record, row, epoch, seed, count):
    """Tevatron's rule for one query, written out: its positive, and its negatives if enough."""
    key = hash(row + seed)
    positives = record["positive_passages"]
    negatives = list(record["negative_passages"])
    random.Random(key).shuffle(negatives)
    start = epoch * count % len(negatives)
    positive = positives[(key + epoch) % len(positives)]
    return [positive, *(negatives + negatives)[start : start + count]]


def test_passages_that_take_turns_are_those_that_tevatron_takes(collator, rows):
    for seed in (1, 42):
        for epoch in range(5):
            keys = collator(cycled=True, seed=seed)(places(epoch))["label"][:, :4].tolist()
            for row, record in enumerate(rows):
                if len(record["negative_passages"]) >= 3:
                    expected = published_passages(record, row, epoch, seed, 3)
                    texts = [f"{p['title']} {p['text']}".strip() for p in expected]
                    assert keys[row] == [_key(text) for text in texts]


def test_passages_that_take_turns_are_all_seen_before_one_comes_again(collator):
    batches = [collator(cycled=True)(places(epoch))["label"].tolist() for epoch in range(3)]
    six = 5  # this query has six negatives and three right answers
    assert len({key for batch in batches[:2] for key in batch[six][1:4]}) == 6
    assert len({batch[six][0] for batch in batches}) == 3


def test_with_too_few_negatives_some_are_taken_again_and_others_in_the_next_epoch(collator):
    two = 1  # this query has two negatives
    epochs = [collator(cycled=True)(places(n))["label"][two, 1:4].tolist() for n in range(12)]
    known = {_key(f"wrong {two} {i}") for i in range(2)}
    assert all(set(keys) <= known for keys in epochs)
    assert len({str(keys) for keys in epochs}) > 2


def test_keys_are_positive_numbers_of_64_bits():
    keys = [_key(f"text {n}") for n in range(1000)]
    assert len(set(keys)) == 1000
    assert min(keys) > 0
    assert max(keys) < 2**63
    assert math.log2(max(keys)) > 60


def test_a_temperature_divides_the_scores():
    columns = [torch.randn(3, 4), torch.randn(6, 4)]
    scores = RankingLoss("dot", 0.5).scores(columns)
    torch.testing.assert_close(scores, columns[0] @ columns[1].T * 2)
    expected = F.cross_entropy(scores, torch.arange(3))
    torch.testing.assert_close(RankingLoss("dot", 0.5).from_scores(scores), expected)
