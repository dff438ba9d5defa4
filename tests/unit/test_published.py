"""`starbench report --published` against the published tables, and claims against plain sums."""

import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from starbench.cli import main
from starbench.config.reading import load_config
from starbench.published import AVERAGES, claims, published_config, published_grids
from starbench.published import published_tables as tables
from starbench.reproduce.running import compare
from starbench.reproduce.units import CHECKOUT, read_units, units_named
from starbench.run.paths import RunPaths
from starbench.sizes import Size
from starbench.stages.report.groups import groups_of
from starbench.stages.report.numbers import shorten
from starbench.stages.report.run import write_report
from starbench.stages.report.tables.claims import judge
from starbench.stages.report.tables.published import compare_with_paper
from starbench.store.scores import SIGNIFICANCE_COLUMNS, Score, write_scores

PAPER = Path(os.environ.get("STARBENCH_DATA", "none")).parent / "paper"
NAMES = {"bert": "BERT", "bert-separate": "BERT-Separate", "bert-2dmse": "BERT-2DMSE",
         "bert-srl": "BERT-SRL", "starbucks": "Starbucks"}  # fmt: skip


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    folder = tmp_path_factory.mktemp("published")
    assert main(["report", "--published", "--output", str(folder)]) == 0
    return folder


@pytest.mark.skipif(not PAPER.is_dir(), reason="needs the published CSV files")
def test_the_shipped_numbers_are_the_published_ones():
    for name, ours, keys in (
        ("published_results", tables(), ["layers", "dim", "value", "marked"]),
        ("published_grids", published_grids(), ["layers", "dim", "value", "method", "source"]),
    ):
        theirs = pd.read_csv(PAPER / f"{name}.csv")
        theirs = theirs.rename(columns={"layer": "layers", "differs_from_smae_srl_p05": "marked"})
        pd.testing.assert_frame_equal(ours[keys], theirs[keys])


def test_every_cell_average_and_mark_of_both_tables_is_reproduced(report):
    seen = 0
    frames = [pd.read_csv(report / "tables" / f"{n}.csv") for n in ("in_domain", "out_of_domain")]
    config = published_config()
    columns = {name: config.display("datasets", name) for name in config.datasets}
    columns |= {"sts-average": "STS average", "beir-average": "Average"}
    for row in tables().itertuples():
        frame = frames[row.source.endswith("A2")]
        column = columns[row.dataset]
        if column not in frame:
            column += f" {row.metric}"
        chosen = (frame["size"] == row.size) & (frame["system"] == NAMES[row.system])
        found = frame[chosen].squeeze()
        # Averages are of rounded values: they are off by half a unit of the last place at most.
        assert found[column] == pytest.approx(
            row.value, abs=1.01e-4 if "average" in row.dataset else 0
        )
        assert (column in str(found["marked"]).split("; ")) == row.marked
        seen += row.dataset not in AVERAGES
    assert seen == 660


def test_the_unit_of_the_published_tables_is_reproduced_and_a_changed_number_is_caught(report):
    (unit,) = units_named(read_units(), ["published"])
    numbers = [number for check in unit.checks for number in compare(check, report, CHECKOUT)]
    assert {number.word for number in numbers} == {"OK"}
    assert len(numbers) == len(tables()) + len(unit.checks[1].files)
    rows = tables()[["system", "layers", "dim", "dataset", "value"]].to_numpy()
    values = {" ".join(map(str, row[:-1])): row[-1] for row in rows}
    values["bert-srl 4 64 sts13"] += 0.001
    changed = unit.checks[0].model_copy(update={"expected": None, "values": values})
    wrong = [number for number in compare(changed, report, CHECKOUT) if number.word != "OK"]
    assert [(number.what, number.word) for number in wrong] == [("bert-srl 4 64 sts13", "FAIL")]


def test_markdown_and_latex_show_the_same_cells(report):
    for name in ("in_domain", "out_of_domain"):
        markdown = (report / "tables" / f"{name}.md").read_text()
        latex = (report / "tables" / f"{name}.tex").read_text()
        for row in tables().itertuples():
            if (
                row.source.endswith("A2") == (name == "out_of_domain")
                and row.dataset not in AVERAGES
            ):
                assert shorten(row.value) in markdown
                assert shorten(row.value) in latex
    line = next(
        line for line in (report / "tables/in_domain.md").read_text().splitlines()
        if line.startswith("| demi | 2/32 | BERT-SRL |")
    )  # fmt: skip
    assert r"| .6684\* |" in line


def test_the_quora_collapses_are_flagged_and_nothing_else(report):
    text = (report / "summary.md").read_text()
    warnings = text.split("## Warnings")[1].split("##")[0].strip().splitlines()
    flagged = [line.split(":")[0] for line in warnings if line.startswith("- ")]
    assert flagged == [
        "- Quora collapses at Grande of BERT-2DMSE",
        "- Quora collapses at Venti of BERT-2DMSE",
        "- Quora collapses at Trenta of BERT-SRL",
        "- Quora collapses at Venti of Starbucks",
    ]


def test_the_averages_without_quora_are_the_computed_ones(report):
    frame = pd.read_csv(report / "tables/out_of_domain.csv")
    means = frame[frame["size"] == "all"].set_index("system")["Average without Quora"]
    expected = {
        "BERT-Separate": 0.2885,
        "BERT-2DMSE": 0.2399,
        "BERT-SRL": 0.2867,
        "Starbucks": 0.3085,
    }
    for system, value in expected.items():
        assert means[system] == pytest.approx(value, abs=1e-4)


def test_claims_are_decided_by_the_published_differences(report):
    verdicts = pd.read_csv(report / "tables/claims.csv")
    assert len(verdicts) == 21
    failing = verdicts[verdicts["verdict"] != "holds"]
    assert list(failing["claim"].str.split().str[0]) == ["Starbucks", "SMAE"]
    assert set(failing["verdict"]) == {"does not hold"}
    assert failing["differences"].str.contains(r"Venti -\.05").all(), "for Quora collapses there"
    (gain,) = verdicts[
        (verdicts["on"] == "semantic textual similarity: average Spearman")
        & verdicts["claim"].str.startswith("Starbucks beats 2DMSE")
    ]["differences"]
    assert "Demi +.0521" in gain
    assert "Trenta +.0029" in gain


@pytest.mark.parametrize(
    ("expect", "differences", "answer"),
    [
        ("above", [[0.1], [0.2], [0.1]], "holds"),
        ("above", [[0.1], [-0.2], [0.1]], "does not hold"),
        ("above", [[0.1], [np.nan], [0.1]], "cannot be told"),
        ("above", [[0.1, 0.12], [0.02, -0.01], [0.1, 0.1]], "cannot be told"),
        ("above", [[0.1, 0.12], [-0.02, -0.021], [0.1, 0.1]], "does not hold"),
        ("at-least", [[-0.004], [0.1], [0.1]], "holds"),
        ("at-least", [[-0.006], [0.1], [0.1]], "does not hold"),
        ("shrinks", [[0.3], [9.0], [0.1]], "holds"),
        ("shrinks", [[0.1], [9.0], [0.3]], "does not hold"),
        ("shrinks", [[-0.1], [9.0], [-0.3]], "does not hold"),
        ("a-little-below", [[-0.001], [-0.002], [-0.001]], "holds"),
        ("a-little-below", [[0.001], [-0.002], [-0.001]], "does not hold"),
    ],
)
def test_a_claim_is_told_apart_from_noise(expect, differences, answer):
    config = published_config()
    config = config.model_copy(update={"sizes": config.sizes[:3]})
    claim = claims()[0].model_copy(update={"expect": expect, "tolerance": 0.005})
    assert judge(claim, np.array(differences), config)[0] == answer


def test_the_published_files_are_those_of_a_run_and_all_named_in_the_summary(report):
    text = (report / "summary.md").read_text()
    stems = {path.stem for path in (report / "figures").glob("*.png")}
    assert stems == {path.stem for path in (report / "figures").glob("*.pdf")}
    assert {
        "overview",
        "published_ms_marco_dev_heatmaps",
        "published_sts_average_by_layer",
    } <= stems
    for stem in stems:
        assert f"(figures/{stem}.png)" in text
    names = {path.name for path in (report / "tables").iterdir()}
    for table in ("in_domain", "out_of_domain", "sts", "retrieval", "claims"):
        assert {f"{table}.csv", f"{table}.md", f"{table}.tex"} <= names


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="needs pdflatex")
def test_the_latex_compiles_as_it_is_and_within_a_paper(report, tmp_path):
    table = report / "tables/out_of_domain.tex"
    paper = tmp_path / "paper.tex"
    paper.write_text(
        r"\documentclass{article}\usepackage{booktabs}\begin{document}"
        rf"\input{{{table}}}\end{{document}}"
    )
    for file in (table, paper):
        subprocess.run(
            ["pdflatex", "-interaction=nonstopmode", "-halt-on-error",
             "-output-directory", str(tmp_path), str(file)],
            check=True, stdout=subprocess.DEVNULL,
        )  # fmt: skip


@pytest.mark.parametrize(
    "arguments", [["report"], ["report", "--published"], ["report", "--output", "x"]]
)
def test_a_report_needs_a_run_or_a_folder(arguments, capsys):
    assert main(arguments) == 2
    assert "--published" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["released", "from-released-smae"])
def test_runs_of_released_checkpoints_are_comparable_with_every_number_of_starbucks(name):
    config = load_config(Path(__file__).parents[2] / f"config/{name}.yaml")
    metrics = {
        dataset: "cosine_spearman" if track == "sts" else config.datasets[dataset].metric
        for track, section in config.tracks.items()
        for dataset in section.scored
    }
    rows = [
        ("starbucks", size.layers, size.dim, dataset, metric, 0.5)
        for size in config.trained_sizes
        for dataset, metric in metrics.items()
    ]
    columns = ["system", "layers", "dim", "dataset", "metric", "value"]
    shared = compare_with_paper(pd.DataFrame(rows, columns=columns), config)
    assert len(shared) == len(rows) == 6 * 22
    stated = shared.set_index(["dataset", "layers", "dim"])["published"]
    assert stated["dl19", 6, 128] == 0.6346


def test_the_config_of_the_paper_is_about_what_its_tables_are_about():
    paper = load_config(Path(__file__).parents[2] / "config/paper.yaml")
    published = published_config()
    assert paper.sizes == published.sizes
    assert {name: (s.display, s.objective) for name, s in paper.systems.items()} == {
        name: (s.display, s.objective) for name, s in published.systems.items()
    }
    for track, section in published.tracks.items():
        assert paper.tracks[track].tasks == section.tasks
        assert paper.tracks[track].out_of_domain == section.out_of_domain
        for name in section.scored:
            ours, theirs = paper.datasets[name], published.datasets[name]
            assert (ours.metric, ours.display) == (theirs.metric, theirs.display)
    assert paper.report.published == "numbers"


def own_run(folder, published):
    """A run of the paper's config whose every score is .01 above the published one."""
    config = published_config()
    report = config.report.model_copy(update={"published": published})
    config = config.model_copy(update={"run": "own", "report": report})
    paths = RunPaths.of(config, folder)
    track_of = {name: group.track for group in groups_of(config) for name in group.datasets}
    write_scores(
        paths.all_scores,
        [
            Score(row.system, 42, Size(row.layers, row.dim), track_of[row.dataset], row.dataset,
                  row.metric, row.value + 0.01, 100)
            for row in tables().itertuples()
            if row.dataset not in AVERAGES
        ],
    )  # fmt: skip
    paths.significance.write_text(",".join(SIGNIFICANCE_COLUMNS) + "\n")
    write_report(config, paths)
    return paths.root


def test_a_run_of_the_papers_data_is_compared_with_its_numbers(tmp_path):
    folder = own_run(tmp_path, "numbers")
    shared = pd.read_csv(folder / "tables/published.csv")
    assert len(shared) == 660
    np.testing.assert_allclose(shared["difference"], 0.01, atol=1e-12)
    text = (folder / "summary.md").read_text()
    assert "| Starbucks | 132 | .0100 | .0100 |" in text
    assert "other data or another backbone" not in text


def test_any_other_run_is_compared_with_its_claims_and_says_so(tmp_path):
    folder = own_run(tmp_path, "claims")
    assert not (folder / "tables/published.csv").exists()
    text = (folder / "summary.md").read_text()
    assert "This run has other data or another backbone than the paper" in text
    assert "The paper does not say which test its own marks are by." in text
    assert "## The paper's claims" in text


def test_a_run_may_be_held_against_nothing(tmp_path):
    folder = own_run(tmp_path, "none")
    assert not (folder / "tables/claims.csv").exists()
    assert "The paper's claims" not in (folder / "summary.md").read_text()
