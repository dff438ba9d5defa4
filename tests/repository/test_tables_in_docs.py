"""Tables in the documentation are what the scores of `results/reference/` give."""

import pytest

from tests.repository.tables_in_docs import ROOT, pages, with_tables


@pytest.mark.parametrize("page", pages(), ids=lambda path: str(path.relative_to(ROOT)))
def test_tables_are_those_of_the_scores(page):
    text = page.read_text(encoding="utf-8")
    assert with_tables(text) == text, "write them anew: make docs-tables"


def test_every_page_that_repeats_numbers_of_real_runs_is_compared():
    named = {str(page.relative_to(ROOT)) for page in pages()}
    assert named >= {
        "README.md",
        "results/reference/demo/README.md",
        "results/reference/families/README.md",
        "results/reference/minilm-sts/README.md",
        "results/reference/minilm-retrieval/README.md",
    }
