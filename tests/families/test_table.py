"""Every cell of the table is right to its tolerance, or the family is refused by name."""

import pytest

from starbench.encoders.families import FAMILIES
from tests.families import models
from tests.families.table import PROPERTIES, REFUSED, in_markdown

PRETRAINED = {"bert", "roberta", "xlm-roberta", "distilbert", "mpnet", "modernbert"}


def test_every_family_has_a_tiny_model():
    assert set(models.CONFIGS) == set(FAMILIES)
    assert {name for name, family in FAMILIES.items() if family.head} == PRETRAINED


@pytest.mark.parametrize("column", PROPERTIES, ids=lambda column: column.title)
@pytest.mark.parametrize("family", [*models.CONFIGS, *models.REFUSED])
def test_a_family_has_a_property_or_is_refused(family, column):
    found = column.measured(family)
    pretraining = column.title.startswith(("mlm", "smae"))
    if family in models.REFUSED or (pretraining and family not in PRETRAINED):
        assert found == REFUSED
    else:
        assert found <= column.tolerance


def test_the_table_has_a_row_for_each_family():
    lines = in_markdown(["bert", "t5"]).splitlines()
    assert len(lines) == 4
    assert lines[3].count(REFUSED) == len(PROPERTIES)
