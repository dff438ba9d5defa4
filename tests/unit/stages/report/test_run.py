"""The files of a report, and its summary in a terminal."""

import pandas as pd

from starbench.stages.report.products import figure_names, table_names
from starbench.stages.report.run import summary, write_report
from starbench.stages.report.tables.formats import as_text
from starbench.stages.report.tables.table import make_table
from tests.unit.stages.report.measured import measuring
from tests.unit.stages.report.scored import sts_group


def test_the_files_written_are_those_announced_and_the_same_every_time(written):
    config, paths = written()
    write_report(config, paths)
    files = sorted(paths.root.rglob("*.*"))
    announced = {f"tables/{n}" for n in table_names(config)} | {
        f"figures/{n}" for n in figure_names(config)
    }
    announced |= {"scores.csv", "significance.csv", "manifest.json", "summary.md", "summary.html"}
    announced |= {".products"}
    assert {str(file.relative_to(paths.root)) for file in files} == announced
    before = {file: file.read_bytes() for file in files}
    write_report(config, paths)
    assert {file: file.read_bytes() for file in files} == before


def test_scores_and_config_alone_are_enough_and_what_is_missing_is_said(written):
    config, paths = written()
    paths.significance.unlink()
    write_report(measuring(config), paths)
    text = (paths.root / "summary.md").read_text()
    assert "costs.csv is missing: nothing is told of what sizes cost" in text
    assert not list(paths.root.rglob("*pareto*"))
    assert "significance.csv is missing: no score is marked" in text
    assert "differs significantly" not in text
    for name in table_names(config):
        assert (paths.root / "tables" / name).is_file()


def test_figures_of_a_former_report_are_removed_and_those_of_others_stay(written):
    config, paths = written()
    write_report(config, paths)
    own = paths.root / "figures" / "mine.png"
    own.write_bytes(b"a figure of the user's")
    fewer = config.model_copy(
        update={"report": config.report.model_copy(update={"systems": ["tiny-sep"]})}
    )
    gone = paths.root / "figures" / "sts_heatmap_tiny-srl.png"
    assert gone.is_file()
    write_report(fewer, paths)
    assert not gone.exists()
    assert (paths.root / "figures" / "sts_heatmap_tiny-sep.png").is_file()
    assert own.is_file()


def test_chosen_systems_and_sizes_are_all_that_tables_show(written):
    config, paths = written()
    size = config.trained_sizes[0]
    chosen = {"systems": ["tiny-sep", "tiny-srl"], "sizes": [f"{size.layers}/{size.dim}"]}
    write_report(
        config.model_copy(update={"report": config.report.model_copy(update=chosen)}), paths
    )
    table = pd.read_csv(paths.root / "tables" / "sts.csv", comment="#")
    assert list(dict.fromkeys(table["system"])) == ["Tiny-Separate", "Tiny & SRL"]
    assert set(table["layers"].dropna()) == {size.layers}


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
