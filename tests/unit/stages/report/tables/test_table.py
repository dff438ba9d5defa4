"""Tables are functions of scores.csv, shown as the paper shows them."""

import itertools
import math

import numpy as np
import pandas as pd
import pytest

from starbench.sizes import Size
from starbench.stages.report.numbers import shorten
from starbench.stages.report.run import write_report
from starbench.stages.report.scores import averages, read_scores
from starbench.stages.report.tables.formats import as_csv, as_latex, as_markdown
from starbench.stages.report.tables.table import make_table
from tests.unit.stages.report.scored import TASKS, all_scores, sts_group, table_of, value_of


def rows_of(markdown):
    """The rows of the first table of a Markdown text, without its head."""
    return list(itertools.takewhile(str.strip, markdown.splitlines()))[2:]


def tabular_of(latex):
    """The lines of the tabular of a LaTeX file."""
    lines = latex.splitlines()
    first = next(n for n, line in enumerate(lines) if line.startswith(r"\begin{tabular}"))
    return lines[first : lines.index(r"\end{tabular}") + 1]


def test_the_table_equals_a_plain_loop_over_the_scores(written):
    config, paths = written()
    table = table_of(config, paths)
    assert table.columns == ["test", "Other_1", "third", "Average"]
    keys = itertools.product(config.trained_sizes, config.systems)
    over_sizes = table.rows[-len(config.systems) :]
    for row, (size, system) in zip(table.rows[: -len(config.systems)], keys, strict=True):
        values = np.array([[value_of(system, s, size, t) for t in TASKS] for s in (1, 2)])
        values = np.column_stack([values, values.mean(1)])
        assert (row.size, row.system) == (size, system)
        np.testing.assert_allclose(row.means, values.mean(0))
        np.testing.assert_allclose(row.deviations, values.std(0, ddof=1))
    for row, system in zip(over_sizes, config.systems, strict=True):
        own = [other.means for other in table.rows if other.system == system][:-1]
        assert (row.size, row.system) == ("all", system)
        np.testing.assert_allclose(row.means, np.mean(own, axis=0))


def test_the_csv_is_unrounded_and_tells_the_deviation(written):
    config, paths = written()
    (paths.root / "t.csv").write_text(as_csv(table_of(config, paths), config))
    frame = pd.read_csv(paths.root / "t.csv")
    first = frame.iloc[0]
    assert (first["layers"], first["dim"], first["system"]) == (1, 4, "Tiny & SRL")
    assert first["Other_1"] == pytest.approx(0.2 + 0.05 + 0.04 + 0.02 + 0.0015, abs=1e-12)
    assert first["Average std"] == pytest.approx(math.sqrt(0.5) / 1000)


def test_the_best_of_each_size_is_bold_and_ties_all_are(written):
    config, paths = written()
    rows = rows_of(as_markdown(table_of(config, paths), config))
    assert [row.count("**") // 2 for row in rows] == [0, 4] * 4
    equal = [
        s._replace(value=0.50001 if s.system == "tiny-sep" else 0.50004)
        for s in all_scores(config, seeds=(1,))
    ]
    config, paths = written(equal)
    rows = rows_of(as_markdown(table_of(config, paths), config))
    assert [row.count("**") // 2 for row in rows] == [4] * 8


def test_what_is_missing_is_a_dash_and_its_average_too(written, config):
    gone = ("tiny-srl", Size(2, 8), "third")
    kept = [s for s in all_scores(config, (1,)) if (s.system, s.size, s.dataset) != gone]
    config, paths = written(kept)
    text = as_markdown(table_of(config, paths), config)
    (line,) = [line for line in text.splitlines() if "2/8" in line and "SRL" in line]
    assert line.split(" | ")[-2:] == ["–", "– |"]
    assert ".0000" not in text
    cell = averages(read_scores(paths.all_scores, config), sts_group(config))
    cell = cell[(cell["system"] == "tiny-srl") & (cell["layers"] == 2) & (cell["dim"] == 8)]
    assert cell["value"].isna().all()


def test_a_system_without_any_score_is_missing_and_leaves_nothing_to_be_better_than(
    written, config
):
    config, paths = written([s for s in all_scores(config, (1,)) if s.system == "tiny-srl"])
    text = as_markdown(table_of(config, paths), config)
    assert text.count("| Tiny-Separate | – | – | – | – |") == len(config.sizes) + 1
    assert "**" not in text
    write_report(config, paths)


def test_latex_has_equal_columns_balanced_braces_and_no_bare_special_characters(written):
    config, paths = written()
    lines = tabular_of(as_latex(table_of(config, paths), config))
    text = "\n".join(lines)
    rows = [line for line in lines if line.endswith(r"\\")]
    assert {row.replace(r"\&", "").count("&") for row in rows} == {5}
    assert text.count("{") - text.count(r"\{") == text.count("}") - text.count(r"\}")
    assert text.startswith(r"\begin{tabular}{llrrrr}")
    assert r"Tiny \& SRL" in text
    assert r"Other\_1" in text
    assert text.count(r"\midrule") == len(config.sizes) + 1
    assert "–" not in text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.74551, ".7455"), (1.0, "1.0000"), (-0.05, "-.0500"), (math.nan, "–"), (0.0, ".0000"),
     (-0.00001, ".0000")],
)  # fmt: skip
def test_scores_are_printed_as_in_the_paper(value, text):
    assert shorten(value) == text


def test_a_nan_score_is_kept_as_missing(written, config):
    scores = all_scores(config, (1,))
    config, paths = written([scores[0]._replace(value=math.nan), *scores[1:]])
    assert math.isnan(table_of(config, paths).rows[0].means[0])


def test_special_characters_of_a_name_break_neither_markdown_nor_latex(crowded, crowded_scores):
    table = make_table(crowded_scores, crowded, [sts_group(crowded)])
    rows = rows_of(as_markdown(table, crowded))
    assert {row.replace(r"\|", "").count("|") for row in rows} == {4}
    latex = as_latex(table, crowded)
    assert r"\textbar{} with\_special \textless{}characters\textgreater{} \& a price" in latex
    assert r"\$5 to \$6" in latex


def test_sizes_without_names_are_not_shown_twice(crowded, crowded_scores):
    table = make_table(crowded_scores, crowded, [sts_group(crowded)])
    assert as_markdown(table, crowded).startswith("| n/d | System | test |")
    assert tabular_of(as_latex(table, crowded))[0] == r"\begin{tabular}{llr}"


def test_sizes_with_names_have_a_column_for_them(written, config):
    _, paths = written()
    sizes = [{"layers": s.layers, "dim": s.dim, "name": f"a{s.dim}"} for s in config.sizes]
    named = config.model_copy(update={"sizes": [type(config.sizes[0])(**size) for size in sizes]})
    table = table_of(named, paths)
    assert "| a4 | 1/4 | Tiny & SRL | " in as_markdown(table, named)
    rows = tabular_of(as_latex(table, named))
    assert rows[0] == r"\begin{tabular}{lllrrrr}"
    assert rows[2].startswith("Size & $n/d$ & System & ")
    assert rows[4].startswith(r"a4 & 1/4 & Tiny \& SRL & ")
    assert rows[5].startswith(" &  & Tiny-Separate & ")
