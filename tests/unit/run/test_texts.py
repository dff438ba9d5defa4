"""Which texts of a set are taken where not all are."""

import pytest
from datasets import Dataset

from starbench.run.texts import Texts

TEXTS = [f"text {number}" for number in range(10)]


@pytest.mark.parametrize("rows", [TEXTS, Dataset.from_dict({"text": TEXTS})], ids=["list", "rows"])
@pytest.mark.parametrize(
    ("count", "wanted"),
    [(0, []), (1, [0]), (4, [0, 2, 5, 7]), (10, range(10)), (25, range(10))],
)
def test_a_spread_is_evenly_spaced_over_all_texts(rows, count, wanted):
    assert Texts(rows).spread(count) == [TEXTS[row] for row in wanted]
