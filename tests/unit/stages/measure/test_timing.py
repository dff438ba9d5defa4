"""What is timed takes turns, and its spread is that of the rounds."""

import statistics
import time

import numpy as np
import pytest

from starbench.stages.measure.timing import alternated, spread


def test_rounds_take_turns_and_each_starts_with_another_after_one_that_does_not_count():
    done = []
    works = {
        key: [lambda key=key, piece=piece: done.append((key, piece)) for piece in "xy"]
        for key in "abc"
    }
    seconds = alternated(works, rounds=4)
    keys = [key for key, piece in done if piece == "x"]
    assert "".join(keys) == "abc" + "abc" + "bca" + "cab" + "abc"
    assert [piece for _, piece in done] == list("xy") * 15
    assert {key: rows.shape for key, rows in seconds.items()} == dict.fromkeys("abc", (4, 2))


def test_many_pieces_take_turns_within_a_round():
    done = []
    works = {
        key: [lambda key=key: done.append(key)] * count for key, count in (("a", 11), ("b", 9))
    }
    seconds = alternated(works, rounds=3)
    assert "".join(done[20:40]) == "a" * 8 + "b" * 8 + "a" * 3 + "b"
    assert "".join(done[40:60]) == "b" * 8 + "a" * 8 + "b" + "a" * 3
    assert [seconds[key].shape for key in "ab"] == [(3, 11), (3, 9)]


def test_longer_work_takes_longer():
    works = {wait: [lambda wait=wait: time.sleep(wait)] for wait in (0.02, 0.005)}
    found = {key: float(np.median(rows)) for key, rows in alternated(works, 3).items()}
    assert 0.005 <= found[0.005] < 0.02 <= found[0.02]


@pytest.mark.parametrize("values", [[3.0, 1.0, 2.0, 9.0, 4.0], [5.0, 1.0, 2.0], [7.0] * 4])
def test_the_spread_is_median_and_quartiles(values):
    low, median, high = statistics.quantiles(values, n=4, method="inclusive")
    assert spread(values) == pytest.approx((median, low, high))
