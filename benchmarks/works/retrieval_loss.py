"""The SRL loss over in-batch scores beside one tensor of (layers, queries, passages, dims)."""

# L = sizes, Q = queries, P = passages, D = width

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Pooling, Transformer
from torch import Tensor

from benchmarks.inputs import random_checkpoint
from benchmarks.work import Case, Work
from starbench.objectives.srl import Srl
from starbench.objectives.summands import Step, Summand
from starbench.sizes import Size
from starbench.stages.finetune.layered_loss import LayeredLoss
from starbench.stages.finetune.ranking_loss import RankingLoss

WIDTH, QUERIES, PASSAGES = 768, 64, 512
SIZES = [Size(2, 32), Size(4, 64), Size(6, 128), Size(8, 256), Size(10, 512), Size(12, 768)]
SRL = Srl(objective="srl", kl_over="scores", kl_weight=1.0, kl_detach=True)

Columns = dict[int, list[Tensor]]


def one_tensor_loss(columns: Columns, sizes: Sequence[Size]) -> Tensor:
    """Return the published retrieval loss from all products at once, masked to each size's dims."""
    query_LQD = torch.stack([columns[size.layers][0] for size in sizes])
    passage_LPD = torch.stack([columns[size.layers][1] for size in sizes])
    dims = torch.arange(query_LQD.shape[-1], device=query_LQD.device)
    kept_LD = (dims < torch.tensor([size.dim for size in sizes])[:, None].to(dims.device)).float()
    products_LQPD = query_LQD[:, :, None] * passage_LPD[:, None] * kept_LD[:, None, None]
    scores_LQP = products_LQPD.sum(-1)
    targets = torch.arange(query_LQD.shape[1], device=dims.device)
    teacher_QP = F.softmax(scores_LQP[-1].detach(), dim=-1)
    total = F.cross_entropy(scores_LQP[-1], targets)
    for scores_QP in scores_LQP[:-1]:
        students = F.log_softmax(scores_QP, dim=-1)
        total = total + F.cross_entropy(scores_QP, targets)
        total = total + F.kl_div(students, teacher_QP, reduction="batchmean")
    return total


def columns_of(sizes: Sequence[Size], queries: int, passages: int, device: str) -> Columns:
    """Return random embeddings of queries and passages at each size's layer, with gradients."""
    draw = torch.Generator().manual_seed(0)
    width = sizes[-1].dim

    def made(rows: int) -> Tensor:
        values = 0.2 * torch.randn(rows, width, generator=draw)
        return values.to(device).requires_grad_()

    return {size.layers: [made(queries), made(passages)] for size in sizes}


def loss_of(sizes: Sequence[Size], folder: Path) -> tuple[LayeredLoss, list[Summand]]:
    """Return our loss and the terms of its step; the model is only asked for depth and width."""
    path = random_checkpoint(folder / "thin", sizes[-1].layers, sizes[-1].dim, intermediate=8)
    transformer = Transformer(str(path))
    model = SentenceTransformer(modules=[transformer, Pooling(sizes[-1].dim)], device="cpu")
    loss = LayeredLoss(model, RankingLoss("dot", 1.0), sizes, SRL)
    return loss, SRL.terms(Step(sizes, loss.full))


def _prepare(device: str, folder: Path) -> Case:
    loss, terms = loss_of(SIZES, folder)
    columns = columns_of(SIZES, QUERIES, PASSAGES, device)
    leaves = [tensor for pair in columns.values() for tensor in pair]

    def step(value: Tensor) -> list[Tensor]:
        return [value.detach(), *torch.autograd.grad(value, leaves)]

    def ours(_: int) -> list[Tensor]:
        return step(loss.from_embeddings(columns, None, terms))

    def peer(_: int) -> list[Tensor]:
        return step(one_tensor_loss(columns, SIZES))

    def difference(own: list[Tensor], other: list[Tensor]) -> float:
        return max(float((a - b).abs().max()) for a, b in zip(own, other, strict=True))

    return Case(ours, peer, difference, tolerance=1e-3, rounds=15)


WORK = Work(
    "SRL retrieval loss",
    "one (layers, queries, passages, dims) tensor",
    _prepare,
    time_target=10,
    memory_target=20,
)
