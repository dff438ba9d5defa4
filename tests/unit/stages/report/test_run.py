"""The files of a report, and its summary in a terminal."""

from starbench.stages.report.products import figure_names, table_names
from starbench.stages.report.run import summary, write_report
from starbench.stages.report.tables.formats import as_text
from starbench.stages.report.tables.table import make_table
from tests.unit.stages.report.scored import sts_group


def test_the_files_written_are_those_announced_and_the_same_every_time(written):
    config, paths = written()
    write_report(config, paths)
    files = sorted(paths.root.rglob("*.*"))
    announced = {f"tables/{n}" for n in table_names(config)} | {
        f"figures/{n}" for n in figure_names(config)
    }
    announced |= {"scores.csv", "significance.csv", "manifest.json", "summary.md", "summary.html"}
    assert {str(file.relative_to(paths.root)) for file in files} == announced
    before = {file: file.read_bytes() for file in files}
    write_report(config, paths)
    assert {file: file.read_bytes() for file in files} == before


def test_the_summary_is_aligned_and_names_the_report(written):
    config, paths = written()
    text = summary(config, paths)
    lines = [line for line in text.splitlines() if "Tiny" in line]
    assert len({len(line) for line in lines}) == 1
    assert max(map(len, text.splitlines())) <= 100
    assert str(paths.root / "report.html") in text
    assert lines[1].count("*") == 3


def test_the_summary_of_many_sizes_and_long_names_stays_within_a_hundred_columns(
    crowded, crowded_scores
):
    text = as_text(make_table(crowded_scores, crowded, [sts_group(crowded)]), crowded)
    assert max(map(len, text.splitlines())) <= 100
    assert all(f"{size.layers}/{size.dim}" in text.split() for size in crowded.trained_sizes)
