"""Adaptive classification against loops over texts, thresholds and sizes."""

import numpy as np
import pytest

from starbench.sizes import Size, grid_of
from starbench.stages.evaluate.exits import (
    GRID,
    Chain,
    Policy,
    Predicted,
    Work,
    chains_of,
    policies,
    thresholds,
)

SIZES = (Size(1, 4), Size(2, 8), Size(4, 16))


def drawn(seed, texts=70, sizes=3):
    draw = np.random.default_rng(seed)
    return [
        Predicted(draw.uniform(0.2, 1, texts), draw.uniform(size=texts) < 0.5 + 0.15 * number)
        for number in range(sizes)
    ]


@pytest.mark.parametrize("seed", range(5))
def test_a_threshold_is_the_smallest_with_which_most_texts_are_right(seed):
    held = drawn(seed)
    for number, found in enumerate(thresholds(held)):
        right = []
        for threshold in GRID:
            count = 0
            for text in range(70):
                stays = held[number].confidence[text] >= threshold
                count += held[number if stays else number + 1].correct[text]
            right.append(count)
        assert found == GRID[right.index(max(right))]


@pytest.mark.parametrize("seed", range(5))
def test_texts_leave_where_a_loop_from_the_smallest_size_upwards_leaves(seed):
    test, learned = drawn(seed), [0.4, 0.7]
    found = {(policy.name, policy.upto): policy.exits for policy in policies(test, learned)}
    assert len(found) == 9
    for upto in range(3):
        for text in range(70):
            size = 0
            while size < upto and test[size].confidence[text] < learned[size]:
                size += 1
            assert found["threshold", upto][text] == size
            right = [n for n in range(upto + 1) if test[n].correct[text]]
            assert found["oracle", upto][text] == (right[0] if right else 0)
        assert set(found["fixed", upto]) == {upto}


def test_no_policy_up_to_a_size_is_right_more_often_than_the_oracle():
    test = drawn(7)
    correct = np.stack([predicted.correct for predicted in test])
    right = {
        (policy.name, policy.upto): correct[policy.exits, np.arange(70)].mean()
        for policy in policies(test, thresholds(drawn(8)))
    }
    for name, upto in right:
        assert right[name, upto] <= right["oracle", upto]


def test_what_is_read_and_computed_is_added_up():
    chain = Chain("dims", tuple(Size(4, dim) for dim in (4, 8, 16)))
    leaving = np.array([0, 0, 1, 2])
    by_threshold = Policy("threshold", 2, leaving)
    read = [4, 4, 4 + 8, 4 + 8 + 16]
    expected = {"dims": 8, "dims_read": sum(read) / 4, "layers": 4}
    found = Work(100.0, 5, shared=False).of(chain, by_threshold)
    assert found == expected | {"multiply_adds": 4 * 100 + 5 * sum(read) / 4}
    shared = Work(100.0, 5, shared=True).of(chain, by_threshold)
    assert shared["dims_read"] == 8, "a shared head reads the further columns only"
    assert Work(100.0, 5, shared=False).of(chain, Policy("fixed", 1, leaving))["dims_read"] == 8


def test_layers_are_those_of_the_size_that_a_text_leaves_at():
    chain = Chain("sizes", SIZES)
    found = Work(10.0, 3, shared=True).of(chain, Policy("threshold", 2, np.array([0, 1, 1, 2])))
    assert found["layers"] == (1 + 2 + 2 + 4) / 4
    read = [4, 12, 12, 28]  # vectors of other layers are others: nothing of a head is shared
    assert found["multiply_adds"] == (10 * 9 + 3 * sum(read)) / 4


def test_a_chain_is_of_two_sizes_or_more_that_are_scored_and_each_is_tried_once():
    names = [chain.name for chain in chains_of(grid_of(SIZES), SIZES)]
    assert names == ["dims", "layers", "sizes"]
    assert [chain.name for chain in chains_of(SIZES, SIZES)] == ["sizes"], "of a diagonal"
    dims = tuple(Size(4, dim) for dim in (4, 8, 16))
    assert [chain.name for chain in chains_of(dims, dims)] == ["dims"]
    assert chains_of([SIZES[0]], SIZES) == []
