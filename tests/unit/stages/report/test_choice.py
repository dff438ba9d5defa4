"""The size to take is within the limits, and the nearest is named where none is."""

import numpy as np
import pandas as pd
import pytest

from starbench.stages.report.choice import Limits, losses, nearest, within


def options(*rows):
    """Return options of (quality, latency in ms, bytes of a vector, multiply-adds)."""
    named = [
        {
            "system": f"s{number}",
            "layers": 1,
            "dim": 8,
            "bits": 32,
            "quality": quality,
            "latency": latency / 1e3,
            "index_bytes": 1e6 * count,
            "multiply_adds": work,
        }
        for number, (quality, latency, count, work) in enumerate(rows)
    ]
    return pd.DataFrame(named)


FOUR = options((0.80, 9, 1000, 90), (0.79, 5, 500, 60), (0.75, 2, 900, 20), (0.40, 1, 10, 5))

CHOICES = [
    ({}, ["s0", "s1", "s2", "s3"]),
    ({"latency_s": 0.006}, ["s1", "s2", "s3"]),
    ({"index_bytes": 6e9, "passages": 1e7}, ["s1", "s3"]),
    # Of what loses at most 10 %, the fewest multiply-adds.
    ({"loss": 0.1}, ["s2", "s1", "s0"]),
    # s1 uses half of both limits, s2 nearly all of one.
    ({"loss": 0.1, "latency_s": 0.01, "index_bytes": 1e10, "passages": 1e7}, ["s1", "s2", "s0"]),
    ({"loss": 0.0}, ["s0"]),
    ({"latency_s": 0.001}, ["s3"]),
    ({"latency_s": 0.0001}, []),
]


@pytest.mark.parametrize(("limits", "expected"), CHOICES)
def test_what_is_within_the_limits_comes_in_the_order_of_the_rule(limits, expected):
    assert within(FOUR, Limits(**limits))["system"].tolist() == expected


def test_what_was_not_measured_is_not_within_a_limit_on_it():
    unknown = options((0.9, np.nan, 100, 1), (0.5, 2, 100, 1))
    assert within(unknown, Limits(latency_s=0.01))["system"].tolist() == ["s1"]
    assert within(unknown, Limits())["system"].tolist() == ["s0", "s1"]


def test_the_nearest_has_the_least_excess_over_its_worst_limit():
    # Twice the latency or three times the index: the first is nearer.
    two = options((0.8, 2, 100, 1), (0.8, 0.5, 300, 1))
    limits = Limits(latency_s=0.001, index_bytes=1e9, passages=1e7)
    assert nearest(two, limits)["system"] == "s0"
    assert nearest(options((0.8, np.nan, 1, 1)), limits) is None


def test_losses_are_shares_of_the_best_score():
    assert losses(FOUR).tolist() == pytest.approx([0, 0.0125, 0.0625, 0.5])
