"""Sizes of a finished run are exported, and other programs get the run's own scores from them."""

import csv
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from scipy.stats import spearmanr
from sentence_transformers import SentenceTransformer

from starbench.store.records import read_records
from tests.workflow.tiny import ROOT, edit, planned, snakemake
from tests.workflow.tiny_run import starbench

PAGE = ROOT / "docs" / "use-a-small-model.md"
SIZES = ("n1-d8", "n2-d16")
PLACE = "exports/sts/starbucks/seed-42"


def scores(run: Path) -> dict[tuple[str, ...], float]:
    """Return {(system, track, dataset, metric, size): score}."""
    with (run / "scores.csv").open() as file:
        keys = ("system", "track", "dataset", "metric", "size")
        return {
            tuple(row[key] for key in keys): float(row["value"]) for row in csv.DictReader(file)
        }


def manifest(folder: Path) -> dict:
    return json.loads((folder / "manifest.json").read_text())


@pytest.fixture(scope="module")
def exported(by_commands) -> Path:
    """The folder of a run whose system is exported at every size, on both tracks."""
    assert starbench(by_commands, "export", "--system", "starbucks", "--all") == 0
    return by_commands / "results" / "tiny"


@pytest.mark.parametrize("size", SIZES)
def test_plain_sentence_transformers_gives_the_runs_own_scores(exported, size):
    model = SentenceTransformer(str(exported / PLACE / size), device="cpu")
    rows = read_records(exported / "data" / "paraphrase")
    first, second = (model.encode(list(rows[name])) for name in ("sentence1", "sentence2"))
    found = spearmanr(model.similarity_pairwise(first, second).numpy(), rows["score"]).statistic
    key = ("starbucks", "sts", "paraphrase", "cosine_spearman", size)
    assert found == pytest.approx(scores(exported)[key], abs=1e-5)


def test_the_folder_of_a_size_has_its_layers_and_dims_and_says_what_was_trained(exported):
    folder = exported / PLACE / "n1-d8"
    config = json.loads((folder / "config.json").read_text())
    assert config["num_hidden_layers"] == 1
    assert config["matryoshka_dimensions"] == [8]
    assert config["matryoshka_sizes"] == [[1, 8]]
    assert config["is_matryoshka"] is True
    modules = [entry["type"] for entry in json.loads((folder / "modules.json").read_text())]
    assert modules == [
        f"sentence_transformers.models.{k}" for k in ("Transformer", "Pooling", "Dense")
    ]
    listed = manifest(folder)["files"]
    files = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}
    assert files == {*listed, "manifest.json"}
    assert {"README.md", "onnx/model.onnx", "onnx/model_int8.onnx"} <= files
    assert [p.name for p in folder.parent.glob(".*")] == []


# So little trained, the model ranks many passages by less than rounding: they may change places.
@pytest.mark.parametrize(("track", "near"), [("sts", 1e-5), ("retrieval", 0.05)])
def test_what_the_card_says_of_float32_is_what_the_run_scored(exported, track, near):
    folder = exported / "exports" / track / "starbucks" / "seed-42" / "n2-d16"
    formats = manifest(folder)["formats"]
    assert formats["model"]["least_cosine"] > 1 - 1e-6
    assert 0.9 < formats["model_int8"]["least_cosine"] <= 1
    for row in formats["model_int8"]["scores"]:
        key = ("starbucks", track, row["dataset"], row["metric"], "n2-d16")
        assert row["fp32"] == pytest.approx(scores(exported)[key], abs=near)
    text = (folder / "README.md").read_text()
    assert "**whole** (this one)" in text
    assert "exported before" not in text


def test_what_is_exported_is_left_alone_until_its_scores_change(exported, by_commands):
    command = ("export", "--system", "starbucks", "--size", "half", "--track", "sts")
    file = exported / PLACE / "n1-d8" / "manifest.json"
    before = file.stat().st_mtime_ns
    assert starbench(by_commands, *command) == 0
    assert file.stat().st_mtime_ns == before
    kept = {path: path.read_bytes() for path in exported.glob("scores.csv*")}
    try:
        for path in kept:
            path.unlink()
        assert starbench(by_commands, *command) == 0
        assert "exported before its run was scored" in file.with_name("README.md").read_text()
    finally:
        for path, content in kept.items():
            path.write_bytes(content)
    assert starbench(by_commands, *command) == 0
    assert "exported before" not in file.with_name("README.md").read_text()


def test_a_size_that_was_not_trained_is_exported_with_a_warning(exported, by_commands, capsys):
    command = ("export", "--system", "starbucks", "--size", "1/5", "--track", "sts")
    assert starbench(by_commands, *command) == 0
    told = capsys.readouterr()
    assert "size n1-d5 was not trained; trained are n1-d8, n2-d16" in told.out + told.err
    folder = exported / PLACE / "n1-d5"
    assert SentenceTransformer(str(folder), device="cpu").encode("a text").shape == (5,)
    shutil.rmtree(folder)


def test_a_graph_that_differs_from_torch_fails_and_leaves_nothing(by_commands, monkeypatch, capsys):
    from starbench.stages.export import folder as made

    def other(path, model):
        return lambda texts: np.ones((len(texts), 7), dtype=np.float32)

    monkeypatch.setattr(made, "onnx_embed", other)
    command = ("export", "--system", "starbucks", "--size", "1/7", "--track", "sts")
    assert starbench(by_commands, *command) == 2
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error:")]
    assert len(lines) == 1
    assert re.search(r"starbucks at n1-d7: a vector of the ONNX file has the cosine", lines[0])
    seed = by_commands / "results" / "tiny" / PLACE
    assert sorted(path.name for path in seed.iterdir()) == list(SIZES)


def test_snakemake_exports_what_the_section_asks_for_and_nothing_without_it(finished, tmp_path):
    folder = shutil.copytree(finished, tmp_path / "run")
    assert "The config has no section `export`: nothing is exported." in snakemake(folder, "export")
    assert not (folder / "results/tiny/exports").exists()
    asked = {"systems": ["starbucks"], "sizes": ["half"], "tracks": ["sts"], "onnx": False}
    asked["weights"] = "float16"
    edit(folder, lambda value: value.update(export=asked))
    assert planned(folder) == {}, "the report needs no export"
    snakemake(folder, "export")
    (made,) = (folder / "results/tiny/exports").rglob("manifest.json")
    assert made.parent == folder / "results/tiny" / PLACE / "n1-d8"
    assert not (made.parent / "onnx").exists()
    assert manifest(made.parent)["weights"] == "float16"
    told = re.search(
        r"unrounded weights is (0\.\d+|1\.0+)", (made.parent / "README.md").read_text()
    )
    assert told is not None
    assert float(told[1]) > 0.999
    stored = load_file(made.parent / "model.safetensors")
    assert {tensor.dtype for tensor in stored.values()} == {torch.float16}
    assert (folder / "results/tiny/logs/exports/sts/starbucks/seed-42/n1-d8.log").is_file()
    assert "Nothing to be done" in snakemake(folder, "export", "--dry-run")


def blocks() -> list[str]:
    """Return every block of Python on the page."""
    return re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)


def test_the_code_with_the_stored_model_finds_the_right_answer(monkeypatch, capsys):
    code = blocks()[0]
    assert "results/reference/scratch/models/starbucks" in code
    monkeypatch.chdir(ROOT)
    exec(compile(code, str(PAGE), "exec"), {})
    printed = [line for line in capsys.readouterr().out.splitlines() if line.startswith("n")]
    assert [line.split()[0] for line in printed] == ["n3-d32", "n6-d192"]
    for line in printed:
        scores = [float(score) for score in re.findall(r"'([-.\d]+)'", line)]
        assert len(scores) == 3
        assert scores[0] == max(scores)


@pytest.mark.parametrize("number", range(1, 4))
def test_the_code_on_the_page_runs(exported, tmp_path, monkeypatch, number):
    code = blocks()[number]
    small = "results/demo/exports/sts/starbucks/seed-42/n2-d8"
    whole = "results/demo/models/sts/starbucks/seed-42/model"
    assert small in code or whole in code
    for shown, real in ((small, PLACE + "/n1-d8"), (whole, "models/sts/starbucks/seed-42/model")):
        code = code.replace(shown, str(exported / real))
    monkeypatch.chdir(tmp_path)
    found: dict = {}
    exec(compile(code.replace("Size(2, 8)", "Size(1, 8)"), str(PAGE), "exec"), found)
    assert found["vectors"].shape[1] == 8
    if "ranked" in found:
        assert len(found["ranked"]) == len(found["texts"])


def test_the_page_has_no_other_code():
    assert len(blocks()) == 4
