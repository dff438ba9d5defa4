"""The order of a fine-tuning: whole epochs, and what ends each."""

from collections import Counter

import numpy as np
import pytest
from datasets import Dataset

from starbench.config.training import Finetuning, total_steps
from starbench.stages.finetune.order import order_of


def settings(last_batch="partial", batch_size=4, **length):
    return Finetuning(
        dataset="d",
        batch_size=batch_size,
        learning_rate=1,
        last_batch=last_batch,
        **length or {"steps": 1},
    )


def batches(order):
    """The rows of each step."""
    return np.split(order.rows, np.cumsum(order.batch_sizes)[:-1])


def test_partial_batches_end_epochs_as_they_do_in_a_loop_over_a_data_loader():
    order = order_of(10, 7, settings(), seed=3)
    made = batches(order)
    assert [len(batch) for batch in made] == [4, 4, 2, 4, 4, 2, 4]
    epochs = [np.concatenate(made[first : first + 3]).tolist() for first in (0, 3)]
    assert sorted(epochs[0]) == sorted(epochs[1]) == list(range(10))
    assert epochs[0] != epochs[1]
    assert order.epochs.tolist() == [0] * 10 + [1] * 10 + [2] * 4


def test_filled_batches_run_on_into_the_next_epoch():
    order = order_of(10, 6, settings("filled"), seed=3)
    assert order.batch_sizes.tolist() == [4] * 6
    assert sorted(order.rows[:10]) == sorted(order.rows[10:20]) == list(range(10))
    assert order.epochs.tolist() == [0] * 10 + [1] * 10 + [2] * 4


def test_for_several_parts_the_last_batch_is_filled_with_the_epochs_first_examples():
    alone, shared = (order_of(10, 6, settings(), seed=3, parts=parts) for parts in (1, 2))
    assert shared.batch_sizes.tolist() == [4] * 6
    for epoch in (0, 1):
        own = alone.rows[10 * epoch : 10 * epoch + 10]
        assert shared.rows[12 * epoch : 12 * epoch + 12].tolist() == [*own, *own[:2]]
    assert shared.epochs.tolist() == [0] * 12 + [1] * 12


@pytest.mark.parametrize("last_batch", ["partial", "filled"])
def test_the_order_is_a_function_of_the_seed_and_a_shorter_training_is_its_beginning(last_batch):
    rule = settings(last_batch)
    long, short, other = (
        order_of(10, 8, rule, 1),
        order_of(10, 5, rule, 1),
        order_of(10, 8, rule, 2),
    )
    assert short.rows.tolist() == long.rows[: len(short.rows)].tolist()
    assert other.rows.tolist() != long.rows.tolist()


@pytest.mark.parametrize("parts", [1, 2])
def test_fewer_examples_than_a_batch_are_a_batch(parts):
    order = order_of(3, 4, settings(batch_size=8), seed=1, parts=parts)
    assert order.batch_sizes.tolist() == ([3] * 4 if parts == 1 else [8] * 4)
    counts = Counter(order.rows.tolist())
    assert max(counts.values()) - min(counts.values()) <= 4
    assert set(counts) == {0, 1, 2}


@pytest.mark.parametrize("last_batch", ["partial", "filled"])
def test_a_trainer_reads_the_batches_as_they_are(last_batch):
    order = order_of(10, 5, settings(last_batch), seed=3)
    dataset = Dataset.from_dict({"row": order.rows})
    sampler = order.batches(dataset, 4, drop_last=False)
    assert len(sampler) == 5
    for _ in range(2):
        assert [dataset[batch]["row"] for batch in sampler] == [b.tolist() for b in batches(order)]


def test_steps_of_the_published_trainings():
    # transformers' Trainer: ceil(rows / batch) steps an epoch; facts of the published runs.
    retrieval = settings(batch_size=128, epochs=3)
    assert total_steps(retrieval, 400_782) == 3 * -(-400_782 // 128) == 9_396
    assert total_steps(settings(batch_size=128, epochs=1), 557_850) == 4_359
    assert total_steps(settings("filled", batch_size=128, epochs=3), 400_782) == 9_394
