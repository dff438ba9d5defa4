"""`snakemake --sdm conda` from any folder: its files make the environment, jobs run in it."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from starbench.config.reading import load_config
from starbench.run.paths import RunPaths
from starbench.stages.report.products import products

ROOT = Path(__file__).parents[2]
TINY = ROOT / "tests" / "workflow" / "tiny.yaml"
STAND_IN = Path(__file__).with_name("bin")
PARTS = ("Snakefile", "workflow", "envs", "src", "pyproject.toml", "README.md", "LICENSE")
SCRIPT = "starbench.post-deploy.sh"
TARGET = "results/tiny/data/paraphrase/manifest.json"

pytestmark = pytest.mark.skipif(
    sys.version_info[:2] != (3, 11), reason="envs/starbench.yaml is for Python 3.11"
)


@pytest.fixture
def checkout(tmp_path):
    """A copy of the checkout: the environment installs it, as it would the real one."""
    copy = tmp_path / "checkout"
    copy.mkdir()
    for part in PARTS:
        if (ROOT / part).is_dir():
            ignored = shutil.ignore_patterns("*.egg-info", "__pycache__")
            shutil.copytree(ROOT / part, copy / part, ignore=ignored)
        else:
            shutil.copy(ROOT / part, copy / part)
    return copy


@pytest.fixture
def folder(tmp_path):
    """A folder far from the checkout, where Snakemake is started."""
    made = tmp_path / "work"
    made.mkdir()
    shutil.copy(TINY, made / "run.yaml")
    return made


def run_with_conda(checkout, folder, *targets):
    """Run jobs with the stand-in; commands of the tests' own environment are not on PATH."""
    tools = folder / "tools"
    tools.mkdir()
    # A symbolic link would lose the virtual environment that it is of.
    (tools / "python3").write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    (tools / "python3").chmod(0o755)
    (tools / "conda").symlink_to(STAND_IN / "conda")
    kept = [p for p in os.environ["PATH"].split(":") if not Path(p, "starbench").exists()]
    environment = {
        **{key: value for key, value in os.environ.items() if key != "PYTHONPATH"},
        "PATH": ":".join([str(tools), *kept]),
        "CONDA_STAND_IN_LOG": str(folder / "conda.log"),
        "PIP_NO_INDEX": "1",
    }
    return subprocess.run(
        [
            *(sys.executable, "-m", "snakemake", "--sdm", "conda", "--cores", "2"),
            *("--snakefile", str(checkout / "Snakefile"), "--configfile", "run.yaml"),
            *("--", *targets),
        ],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_run_is_made_in_the_environment_that_the_files_describe(checkout, folder):
    done = run_with_conda(checkout, folder)
    assert done.returncode == 0, done.stdout + done.stderr
    calls = [json.loads(line) for line in (folder / "conda.log").read_text().splitlines()]
    (created,) = [call for call in calls if call[:2] == ["env", "create"]]
    prefix = Path(created[created.index("--prefix") + 1])
    # The post-deploy script installed the checkout there: no other `starbench` is on the PATH.
    command = (prefix / "bin" / "starbench").read_text()
    assert f"{prefix}/bin/python" in command  # a long path stands in its second line
    found = subprocess.run(
        [prefix / "bin" / "python", "-c", "import starbench; print(starbench.__file__)"],
        capture_output=True,
        text=True,
        check=True,
        cwd="/",
        env={key: value for key, value in os.environ.items() if key != "PYTHONPATH"},
    )
    assert Path(found.stdout.strip()) == checkout / "src" / "starbench" / "__init__.py"
    config = load_config(folder / "run.yaml")
    paths = RunPaths.of(config, folder / "results")
    assert not [str(path) for path in products(config, paths) if not path.is_file()]


def test_an_environment_is_not_made_from_another_lock(checkout, folder):
    lock = checkout / "envs" / "requirements.lock"
    lock.write_text(lock.read_text().replace("tqdm==", "tqdm==0."))
    done = run_with_conda(checkout, folder, TARGET)
    assert done.returncode != 0
    assert f"envs/{SCRIPT} expects" in done.stdout + done.stderr
    assert not (folder / TARGET).exists()


def test_the_lock_is_what_pip_installs_there(checkout, folder):
    """The same with a version that nobody has: pip must be asked for it, and fail."""
    lock, script = (
        checkout / "envs" / f for f in ("requirements.lock", "starbench.post-deploy.sh")
    )
    old = lock.read_bytes()
    lock.write_text(lock.read_text().replace("tqdm==", "tqdm==9999."))

    sums = [hashlib.sha256(data).hexdigest() for data in (old, lock.read_bytes())]
    script.write_text(script.read_text().replace(*sums))
    done = run_with_conda(checkout, folder, TARGET)
    assert done.returncode != 0
    assert "tqdm==9999." in done.stdout + done.stderr
