"""The base loss `softmax`: linear heads that tell the label of an embedding at each size."""

# N = texts, C = labels, D = dimensions of a size

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor, nn

from starbench.draws import generator
from starbench.machine.processes import processes
from starbench.sizes import Size
from starbench.store.heads import SHARED, Heads


class HeadsLoss(nn.Module):
    """Cross-entropy of a linear head at a size: softmax(W v + b) against the label.

    Heads read embeddings as pooling gives them, cut to the size and not normalised, as those of
    Matryoshka Representation Learning do (arXiv 2205.13147, section 3; RAIVNLab/MRL: MRL.py).

    Args:
        classes: the labels; a text's label is given by its place among them.
        sizes: the sizes that have a head.
        shared: whether one head serves every size by its first columns (MRL-E).
        seed: seed of the first weights, which are drawn as those of `torch.nn.Linear`.
    """

    def __init__(
        self, classes: Sequence[str], sizes: Sequence[Size], shared: bool = False, seed: int = 42
    ) -> None:
        super().__init__()
        self.classes, self.sizes, self.shared = tuple(classes), tuple(sizes), shared
        dims = {SHARED: max(size.dim for size in sizes)} if shared else _dims(sizes)
        self.heads = nn.ModuleDict(
            {name: _drawn(dim, len(classes), seed, name) for name, dim in dims.items()}
        )
        for parameter in self.heads.parameters():
            # DistributedDataParallel wraps the model alone, in which the heads are not.
            parameter.register_hook(_mean_over_processes)

    def logits(self, size: Size, embeddings_ND: Tensor) -> Tensor:
        """Return the logits (N, C) of embeddings cut to a size, which must have a head."""
        assert size in self.sizes, size
        head: Any = self.heads[SHARED if self.shared else str(size)]
        return F.linear(embeddings_ND, head.weight[:, : size.dim], head.bias)

    def loss_at(self, size: Size, embeddings_ND: Tensor, labels_N: Tensor) -> Tensor:
        """Return the mean cross-entropy at a size, a scalar."""
        return F.cross_entropy(self.logits(size, embeddings_ND), labels_N)

    def trained(self) -> Heads:
        """Return the heads as they are kept."""
        arrays = {name: tensor.detach().cpu().numpy() for name, tensor in self._named().items()}
        weights, biases = (
            {name.removesuffix(end): array for name, array in arrays.items() if name.endswith(end)}
            for end in (".weight", ".bias")
        )
        return Heads(self.classes, self.sizes, weights, biases)

    def take(self, kept: Heads) -> None:
        """Take up the weights of heads that were kept, as of a checkpoint."""
        with torch.no_grad():
            for name, tensor in self._named().items():
                head, _, what = name.rpartition(".")
                given = (kept.weights if what == "weight" else kept.biases)[head]
                tensor.copy_(torch.from_numpy(given))

    def _named(self) -> dict[str, nn.Parameter]:
        return dict(self.heads.named_parameters())


def _dims(sizes: Sequence[Size]) -> dict[str, int]:
    return {str(size): size.dim for size in sizes}


def _drawn(dim: int, classes: int, seed: int, name: str) -> nn.Linear:
    """Return a linear layer whose weights are a function of (seed, name) alone."""
    head = nn.Linear(dim, classes)
    draw, most = generator(seed, "finetune", "head", name), 1 / math.sqrt(dim)
    with torch.no_grad():
        for parameter in (head.weight, head.bias):
            drawn = draw.uniform(-most, most, tuple(parameter.shape))
            parameter.copy_(torch.from_numpy(drawn))
    return head


def _mean_over_processes(gradient: Tensor) -> Tensor:
    if processes() == 1:
        return gradient
    gradient = gradient.clone()
    dist.all_reduce(gradient)
    return gradient / processes()
