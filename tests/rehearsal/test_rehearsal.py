"""What the rehearsal left: every product of every job, whole, finite, and made from the right data.

`make rehearse` runs these; without the folder of a rehearsal they are skipped.
"""

import json
import math
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from starbench.config.config import Config
from starbench.config.reading import load_config
from starbench.machine.files import sha256_of
from starbench.objectives import OBJECTIVES
from starbench.run.models import models_of
from starbench.run.paths import RunPaths
from starbench.sizes import Size
from starbench.store.records import PASSAGES, QRELS, read_records
from tests.rehearsal.contents import ACCENTS, MISSING, ir_collections, msmarco
from tests.rehearsal.rehearse import RUNS

ROOT = Path(__file__).parents[2]
FOLDER = os.environ.get("STARBENCH_REHEARSAL")
pytestmark = pytest.mark.skipif(FOLDER is None, reason="needs a rehearsal: make rehearse")


def config_of(run: str) -> Config:
    return load_config(*(ROOT / file for file in RUNS[run]))


def paths_of(run: str) -> RunPaths:
    return RunPaths.of(config_of(run), Path(FOLDER or "") / "results")


@pytest.fixture(params=RUNS)
def run(request) -> str:
    if not paths_of(request.param).root.is_dir():
        pytest.skip("this run was not rehearsed")
    return request.param


def finite(value) -> bool:
    """Whether every number within a JSON value is finite."""
    if isinstance(value, dict):
        return all(finite(part) for part in value.values())
    if isinstance(value, list):
        return all(finite(part) for part in value)
    return not isinstance(value, float) or math.isfinite(value)


def json_lines(path: Path) -> Iterator[dict]:
    yield from map(json.loads, path.read_text().splitlines())


def test_every_job_of_the_plan_ran(run, monkeypatch):
    from starbench.planning.devices import device_named
    from starbench.planning.plan import make_plan

    paths = paths_of(run)
    # The ablation names its backbone from the folder that the runs are in.
    monkeypatch.chdir(FOLDER or "")
    # Planned for an empty folder: how many jobs the config has, whatever is done already.
    plan = make_plan(
        config_of(run), RunPaths(Path("nowhere")), device_named("laptop-core"), 1, records_of(paths)
    )
    ran = list((paths.root / "benchmarks").rglob("*.tsv"))
    assert len(ran) == len(plan.jobs)


def records_of(paths: RunPaths) -> dict[str, tuple[int, int | None]]:
    """Return what was fetched of each dataset, as `starbench plan --records` takes it."""
    found = {}
    for manifest in (paths.root / "data").glob("*/manifest.json"):
        counts = json.loads(manifest.read_text())["records"]
        first = counts.get("records.arrow", counts.get(PASSAGES, 1))
        found[manifest.parent.name] = (first, counts.get("queries.arrow"))
    return found


def test_every_manifest_vouches_for_files_that_are_there(run):
    paths = paths_of(run)
    own = paths.root / "manifest.json"
    assert json.loads(own.read_text())["run"] == config_of(run).run
    stages = set()
    for path in set(paths.root.rglob("manifest.json")) - {own}:
        manifest = json.loads(path.read_text())
        stages.add(manifest["stage"])
        for name, digest in manifest["files"].items():
            assert sha256_of(path.parent / name) == digest, path.parent / name
    trained = any(backbone.pretraining for backbone in config_of(run).backbones.values())
    expected = {"data", "finetune", "embed", "search", "evaluate"}
    assert stages == expected | ({"pretrain"} if trained else set())


def test_no_number_is_infinite_or_missing(run):
    root = paths_of(run).root
    logs = list(root.rglob("train_log.jsonl"))
    assert bool(logs) == any(
        OBJECTIVES[s.objective].trains for s in config_of(run).systems.values()
    )
    for log in logs:
        lines = list(json_lines(log))
        assert lines, log
        assert finite(lines), log
    vectors = list((root / "embeddings").rglob("layer-*.npy"))
    assert vectors
    for path in vectors:
        assert np.isfinite(np.load(path)).all(), path
    assert np.isfinite(pd.read_csv(root / "scores.csv")["value"]).all()


def test_every_cell_of_every_system_has_its_score_on_every_dataset(run):
    config, paths = config_of(run), paths_of(run)
    expected = set()
    for track, section in config.tracks.items():
        for model in models_of(config, track):
            for system, size in model.scored():
                for name in section.scored:
                    metric = "cosine_spearman" if track == "sts" else config.datasets[name].metric
                    expected.add((system, size, track, name, metric))
    scores = pd.read_csv(paths.all_scores)
    found = {
        (row.system, Size(row.layers, row.dim), row.track, row.dataset, row.metric)
        for row in scores.itertuples()
    }
    assert expected <= found


def test_summary_tables_figures_and_report_are_there(run):
    from starbench.stages.report.products import figure_names, table_names

    config, root = config_of(run), paths_of(run).root
    products = [root / "summary.md", root / "summary.html", root / "report.html"]
    products += [root / "tables" / name for name in table_names(config)]
    products += [root / "figures" / name for name in figure_names(config)]
    empty = [str(path) for path in products if not path.is_file() or not path.stat().st_size]
    assert not empty


def test_passages_of_ms_marco_have_their_titles_where_they_are_embedded():
    paths = paths_of("paper")
    stored = read_records(paths.dataset("msmarco-dev"), PASSAGES)
    texts = dict(zip(stored["id"], stored["text"], strict=True))
    assert texts == {p["_id"]: f"{p['title']} {p['text']}" for p in msmarco().passages}


def test_judgements_of_missing_passages_are_kept():
    judged = read_records(paths_of("paper").dataset("arguana"), QRELS)
    assert set(MISSING) <= set(judged["passage"])
    assert len(judged) == len(ir_collections()["beir/arguana"].qrels)


@pytest.mark.parametrize(
    ("dataset", "warning"),
    [
        ("arguana", "3 judgements are of a passage that is not in the collection"),
        ("fineweb", "1 records with a blank text are left out"),
        ("all-nli", "1 records with a blank text are left out"),
        ("sts12", "1 pairs have a blank text and are kept"),
        ("msmarco", "1 passages of training queries are blank and are left out"),
        ("trec-covid", "1 passages are blank and are kept"),
    ],
)
def test_what_is_odd_about_a_dataset_is_counted_in_its_log(dataset, warning):
    log = (paths_of("paper").root / "logs" / "data" / f"{dataset}.log").read_text()
    assert f"dataset {dataset}: {warning}" in log


def test_words_outside_ascii_arrive_as_they_were():
    paths = paths_of("paper")
    for name, field in (("fineweb", "text"), ("all-nli", "anchor"), ("sts12", "sentence1")):
        texts = read_records(paths.dataset(name), "records.arrow")[field]
        assert any(text.startswith(ACCENTS) for text in texts), name


def test_the_ablation_starts_from_the_backbone_that_the_paper_run_trained():
    trained = paths_of("paper").backbone("bert-smae", 42) / "model.safetensors"
    fetched = paths_of("paper-no-kl").checkpoint("bert-smae") / "model.safetensors"
    assert sha256_of(trained) == sha256_of(fetched)


def test_the_ablation_trains_what_differs_and_fetches_what_is_scored():
    paths = paths_of("paper-no-kl")
    for track in ("sts", "retrieval"):
        models = {path.name for path in (paths.root / "models" / track).iterdir()}
        assert models == {"bert-srl", "starbucks"}
        for model in models:
            manifest = json.loads((paths.model(track, model, 42) / "manifest.json").read_text())
            assert manifest["config"]["objective"]["kl_weight"] == 0


def test_released_weights_are_those_of_the_pickled_files():
    import torch
    from safetensors.torch import load_file

    config, paths = config_of("released"), paths_of("released")
    for name, backbone in config.backbones.items():
        repository = Path(FOLDER or "", "hub", "models", backbone.checkpoint.name, "main")
        assert not list(repository.glob("*.safetensors"))
        pickled = torch.load(repository / "pytorch_model.bin", weights_only=True)
        kept = load_file(paths.checkpoint(name) / "model.safetensors")
        assert kept
        for key, value in kept.items():
            assert torch.equal(value, pickled[key]), key
