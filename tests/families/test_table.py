"""Every cell of the table is right to its tolerance, or the family is refused by name."""

import pytest

from starbench.encoders.families import FAMILIES
from starbench.encoders.onnx_model import FAMILIES as ONNX
from tests.families import models
from tests.families.table import PROPERTIES, REFUSED, in_markdown

DECODERS = {"qwen2", "qwen3", "llama"}
PRETRAINED = {"bert", "roberta", "xlm-roberta", "distilbert", "mpnet", "modernbert"}


def test_every_family_has_a_tiny_model():
    assert set(models.CONFIGS) == set(FAMILIES)
    assert {name for name, family in FAMILIES.items() if family.head} == PRETRAINED


# A graph takes ten seconds.
CELLS = [
    pytest.param(
        family,
        column,
        id=f"{family}-{column.title}",
        marks=[pytest.mark.slow] if "ONNX" in column.title and family in ONNX else [],
    )
    for family in [*models.CONFIGS, *models.REFUSED]
    for column in PROPERTIES
]


@pytest.mark.parametrize(("family", "column"), CELLS)
def test_a_family_has_a_property_or_is_refused(family, column):
    found = column.measured(family)
    covered = set(models.CONFIGS)
    if column.title.startswith(("mlm", "smae")):
        covered = PRETRAINED
    elif "ONNX" in column.title:
        covered = covered - DECODERS
    if family not in covered:
        assert found == REFUSED
    else:
        assert found <= column.tolerance


def test_the_table_has_a_row_for_each_family():
    lines = in_markdown(["gpt2", "t5"]).splitlines()
    assert len(lines) == 4
    assert lines[3].count(REFUSED) == len(PROPERTIES)
