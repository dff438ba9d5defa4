"""Several processes that train together: the loss and gradient of one process with everything."""

import torch
import torch.distributed as dist

from starbench.machine.processes import processes, rank
from starbench.stages.finetune.ranking_loss import RankingLoss
from starbench.training.gathering import gathered
from tests.unit.process_group import found_by_two, join_group, leave_group

QUERIES, GROUP = 6, 3


def batch():
    """Texts as vectors (queries, passages by group) and the keys of a few equal texts."""
    draw = torch.Generator().manual_seed(0)
    queries = torch.randn(QUERIES, 8, generator=draw)
    passages = torch.randn(QUERIES, GROUP, 8, generator=draw)
    own = torch.arange(1, 1 + QUERIES * GROUP).reshape(QUERIES, GROUP)
    answers = torch.stack([own[:, 0], own.roll(2, 0)[:, 1]], dim=1)
    return queries, passages, torch.cat([own, answers], dim=1)


def loss_of(weight, queries, passages, labels):
    columns = [queries @ weight, passages.transpose(0, 1).reshape(-1, 8) @ weight]
    return RankingLoss("dot", 2.0, True).compute_loss_from_embeddings(columns, labels)


def train(number, count, folder, results):
    join_group(number, count, folder)
    assert (processes(), rank()) == (count, number)
    mine = slice(number * QUERIES // count, (number + 1) * QUERIES // count)
    weight = torch.eye(8).requires_grad_()
    loss = loss_of(weight, *(part[mine] for part in batch()))
    loss.backward()
    for value in (loss.data, weight.grad):
        dist.all_reduce(value)
        value.div_(count)  # what DistributedDataParallel does with gradients
    results.put((number, loss.item(), weight.grad.tolist()))
    leave_group(results)


def test_two_processes_have_the_loss_and_gradient_of_one_with_all_passages(tmp_path):
    weight = torch.eye(8).requires_grad_()
    loss = loss_of(weight, *batch())
    loss.backward()
    found = found_by_two(train, 2, str(tmp_path))
    for _, value, gradient in found:
        torch.testing.assert_close(torch.tensor(value), loss.detach())
        torch.testing.assert_close(torch.tensor(gradient), weight.grad, atol=1e-6, rtol=1e-5)


def test_one_process_alone_gathers_nothing():
    rows = torch.randn(3, 2, requires_grad=True)
    assert gathered(rows) is rows
    assert (processes(), rank()) == (1, 0)
