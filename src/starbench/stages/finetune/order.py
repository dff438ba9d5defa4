"""The order of a fine-tuning: which example comes where, and how an epoch ends."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from datasets import Dataset
from torch.utils.data import BatchSampler, SequentialSampler

from starbench.config.training import Finetuning
from starbench.draws import epoch_order


@dataclass(frozen=True)
class TrainingOrder:
    """The examples of a whole training, batch after batch: a function of the seed alone."""

    rows: np.ndarray
    """Index of the example at each place, shape (places,)."""
    epochs: np.ndarray
    """Epoch of each place, shape (places,)."""
    batch_sizes: np.ndarray
    """Examples of each step, shape (steps,)."""

    def batches(self, dataset: Dataset, batch_size: int, drop_last: bool) -> BatchSampler:
        """Return what reads `dataset`, which is in this order, in batches of one process.

        Examples are shuffled already; reading them in order is what makes a resume exact.
        """
        if (self.batch_sizes == self.batch_sizes[0]).all():
            return BatchSampler(SequentialSampler(dataset), batch_size, drop_last)
        return _Batches(dataset, batch_size, self.batch_sizes)


class _Batches(BatchSampler):
    """Consecutive batches of given sizes."""

    def __init__(self, dataset: Dataset, batch_size: int, sizes: np.ndarray) -> None:
        super().__init__(SequentialSampler(dataset), batch_size, drop_last=False)
        self.sizes = sizes

    def __iter__(self) -> Iterator[list[int]]:
        end = 0
        for size in self.sizes.tolist():
            yield list(range(end, end + size))
            end += size

    def __len__(self) -> int:
        return len(self.sizes)


def order_of(
    rows: int, steps: int, settings: Finetuning, seed: int, parts: int = 1
) -> TrainingOrder:
    """Return the order of a training of `steps` steps on `rows` examples.

    Every epoch is a whole shuffle, a new one each time. With `last_batch: partial` the batch that
    ends it has the examples that are left, as transformers' Trainer has it on one device; where a
    batch goes to several `parts` (processes, accumulation) it is filled with the first examples
    of the epoch, as that Trainer does for several processes.
    """
    size = settings.batch_size
    if settings.last_batch == "filled":
        places = steps * size
        sizes = np.full(steps, size)
        order = epoch_order(rows, places, seed, "finetune")
        return TrainingOrder(order, np.arange(places) // rows, sizes)
    an_epoch = -(-rows // size)
    epochs = -(-steps // an_epoch)
    orders = epoch_order(rows, epochs * rows, seed, "finetune").reshape(epochs, rows)
    if parts > 1:
        orders = np.stack([np.resize(order, an_epoch * size) for order in orders])
    sizes = np.full((epochs, an_epoch), size)
    sizes[:, -1] = orders.shape[1] - (an_epoch - 1) * size
    sizes = sizes.reshape(-1)[:steps]
    numbers = np.repeat(np.arange(epochs), orders.shape[1])
    return TrainingOrder(orders.reshape(-1)[: sizes.sum()], numbers[: sizes.sum()], sizes)
