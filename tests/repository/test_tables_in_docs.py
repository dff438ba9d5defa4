"""Tables and numbers in the documentation are what the scores of `results/reference/` give."""

import hashlib
import json
import re

import pytest

from tests.repository.numbers_in_docs import NUMBER, with_numbers
from tests.repository.tables_in_docs import ROOT, TABLE, as_generated, pages, with_tables

TYPED = {
    # From runs whose files are not kept, as the pages say.
    "docs/demo.md": {".4963", ".4993", ".0066"},
    "results/reference/demo/README.md": {".0066"},
}
"""What is typed by hand: results of which there are no files."""

PAGES = ["README.md", "docs/demo.md", *sorted(
    str(path.relative_to(ROOT)) for path in (ROOT / "results/reference").glob("*/README.md")
)]  # fmt: skip


@pytest.mark.parametrize("page", pages(), ids=lambda path: str(path.relative_to(ROOT)))
def test_tables_and_numbers_are_those_of_the_scores(page):
    text = page.read_text(encoding="utf-8")
    assert as_generated(text) == text, "write them anew: make docs-tables"


@pytest.mark.parametrize(
    "name",
    [
        "banking77",
        "banking77-layers",
        "demo",
        "families",
        "methods",
        "minilm-retrieval",
        "pretraining",
        "scratch",
    ],
)
def test_the_scores_of_a_reference_run_are_those_that_its_manifest_vouches_for(name):
    folder = ROOT / "results/reference" / name
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    digest = hashlib.sha256((folder / "scores.csv").read_bytes()).hexdigest()
    assert digest == manifest["scores_sha256"]


def test_every_page_that_repeats_numbers_of_real_runs_is_compared():
    assert {str(page.relative_to(ROOT)) for page in pages()} >= set(PAGES)


@pytest.mark.parametrize("name", PAGES)
def test_no_score_is_typed_by_hand(name):
    text = (ROOT / name).read_text(encoding="utf-8")
    rest = NUMBER.sub("", TABLE.sub("", text))
    assert set(re.findall(r"(?<![\w.])0?\.\d{3,4}\b", rest)) == TYPED.get(name, set())


@pytest.mark.parametrize("page", pages(), ids=lambda path: str(path.relative_to(ROOT)))
def test_no_marker_of_a_number_begins_a_line_where_it_would_end_the_paragraph(page):
    text = page.read_text(encoding="utf-8")
    assert not re.search(r"^\s*<!-- number:", text, re.MULTILINE)
    assert text.count("<!-- number:") == len(NUMBER.findall(text)), "a marker without a number"
    assert text.count("<!-- table:") == len(TABLE.findall(text)), "a marker without a table"


def test_a_changed_cell_of_a_table_is_caught():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    changed = text.replace(".5866", ".5867", 1)
    assert changed != text
    assert with_tables(changed) == text


def test_a_changed_number_of_a_sentence_is_caught():
    text = (ROOT / "results/reference/families/README.md").read_text(encoding="utf-8")
    for right, wrong in (("-->.2930", "-->.2931"), ("-->7 of 18", "-->8 of 18")):
        changed = text.replace(right, wrong, 1)
        assert changed != text
        assert with_numbers(changed) == text


@pytest.mark.parametrize(
    "what",
    [
        "minilm-sts, gap, sts, minilm-srl, minilm-2dmse, below full, least",
        "minilm-sts, score, sts, minilm-srl, 3/64",
    ],
)
def test_a_number_is_a_plain_mean_of_the_scores(what):
    """The same by hand, from the rows of the file."""
    rows = [
        line.split(",")
        for line in (ROOT / "results/reference/minilm-sts/scores.csv").read_text().splitlines()
    ]
    sums: dict[tuple[str, str], list[float]] = {}
    for row in rows:
        if row[7] == "cosine_spearman":
            sums.setdefault((row[0], row[4]), []).append(float(row[8]))
    means = {key: sum(values) / 7 for key, values in sums.items() if len(values) == 7}
    if "gap" in what:
        small = ("n1-d16", "n2-d32", "n3-d64", "n4-d128", "n5-d256")
        value = f"{min(means['minilm-srl', s] - means['minilm-2dmse', s] for s in small):.3f}"
    else:
        value = f"{means['minilm-srl', 'n3-d64']:.4f}"
    assert with_numbers(f"x <!-- number: {what} -->0.5") == f"x <!-- number: {what} -->{value[1:]}"
