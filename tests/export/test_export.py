"""The demo's Starbucks exported at all sizes and loaded where nothing but a library is installed.

`make test-export` runs it on the demo's results in `results/`, or in the folder that
STARBENCH_TEST_EXPORT names. Each version of sentence-transformers has a new environment: it takes
about ten minutes.
"""

import csv
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from starbench.config.reading import load_config
from starbench.run.paths import RunPaths
from starbench.store.records import read_records

ROOT = Path(__file__).parents[2]
CONFIG = ROOT / "config" / "demo.yaml"
RESULTS = os.environ.get("STARBENCH_TEST_EXPORT", "")
READER = Path(__file__).with_name("reader.py")
VERSIONS = {"4.1.0": [], "5.1.0": [], "6.2.0": ["onnxruntime==1.32.0"]}
"""Versions of sentence-transformers, and what is installed beside them."""
PLACE = "exports/sts/starbucks/seed-42"

pytestmark = pytest.mark.skipif(not RESULTS, reason="make test-export sets it up")


@pytest.fixture(scope="module")
def exported(tmp_path_factory) -> Path:
    """A copy of the demo's run in which Starbucks is exported at every size for STS."""
    folder = tmp_path_factory.mktemp("export")
    run = folder / "demo"
    for part in ("data", "models/sts"):
        shutil.copytree(Path(RESULTS) / "demo" / part, run / part)
    for file in (Path(RESULTS) / "demo").glob("scores.csv*"):
        shutil.copy(file, run)
    command = [sys.executable, "-P", "-m", "starbench", "export", "--config", str(CONFIG)]
    command += ["--results", str(folder), "--system", "starbucks", "--all", "--track", "sts"]
    subprocess.run(command, check=True)
    return run


@pytest.fixture(scope="module")
def pairs(exported) -> Path:
    """The scored pairs as JSON, for a process that knows nothing of Starbench."""
    config = load_config(CONFIG)
    paths = RunPaths.of(config, exported.parent)
    columns = ("sentence1", "sentence2", "score")
    found = {
        name: {column: list(rows[column]) for column in columns}
        for name in config.tracks["sts"].scored
        for rows in [read_records(paths.dataset(name))]
    }
    file = exported / "pairs.json"
    file.write_text(json.dumps(found))
    return file


def scores_of(run: Path) -> dict[str, dict[str, float]]:
    """Return {size: {dataset: Spearman}} of Starbucks with seed 42."""
    found: dict[str, dict[str, float]] = {}
    about = {"system": "starbucks", "seed": "42", "track": "sts", "metric": "cosine_spearman"}
    with (run / "scores.csv").open() as file:
        for row in csv.DictReader(file):
            if all(row[key] == value for key, value in about.items()):
                found.setdefault(row["size"], {})[row["dataset"]] = float(row["value"])
    return found


@pytest.fixture(scope="module", params=VERSIONS)
def read(request, exported, pairs, tmp_path_factory):
    """What a new environment with one version of sentence-transformers reads of all sizes."""
    where = tmp_path_factory.mktemp("environment")
    subprocess.run([sys.executable, "-m", "venv", where], check=True)
    wanted = ["torch==2.13.0", f"sentence-transformers=={request.param}", *VERSIONS[request.param]]
    subprocess.run([where / "bin" / "pip", "install", "--quiet", *wanted], check=True)
    kept = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "VIRTUAL_ENV")}
    command = [where / "bin" / "python", READER, pairs, exported / PLACE]
    done = subprocess.run(
        command, env=kept | {"HF_HUB_OFFLINE": "1"}, stdout=subprocess.PIPE, text=True, check=True
    )
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["version"] == request.param
    return found["sizes"]


def test_all_six_sizes_have_the_runs_own_scores(read, exported):
    expected = scores_of(exported)
    sizes = [str(size) for size in load_config(CONFIG).trained_sizes]
    assert sorted(read) == sorted(sizes)
    for size in sizes:
        assert read[size]["torch"] == pytest.approx(expected[size], abs=1e-5), size
        layers, dim = (int(part[1:]) for part in size.split("-"))
        assert (read[size]["layers"], read[size]["dim"]) == (layers, dim)


def test_onnx_has_them_too_and_8_bits_those_of_the_card(read, exported):
    expected = scores_of(exported)
    tried = {size: found for size, found in read.items() if "onnx" in found}
    for size, found in tried.items():
        assert found["onnx"] == pytest.approx(expected[size], abs=1e-5), size
        formats = json.loads((exported / PLACE / size / "manifest.json").read_text())["formats"]
        told = {row["dataset"]: row["int8"] for row in formats["model_int8"]["scores"]}
        # Other batches than the export's: 8 bits are scaled over all that is in a batch.
        assert found["int8"] == pytest.approx(told, abs=0.01), size
    assert len(tried) in (0, 6)
