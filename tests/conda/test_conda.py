"""`snakemake --sdm conda`: the environment is made from its files, and jobs run in it."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TINY = ROOT / "tests" / "workflow" / "tiny.yaml"
STAND_IN = Path(__file__).with_name("bin")
PARTS = ("Snakefile", "workflow", "envs", "src", "pyproject.toml", "README.md", "LICENSE")
SCRIPT = "starbench.post-deploy.sh"
TARGETS = ("results/tiny/data/paraphrase/manifest.json", "results/tiny/data/stories/manifest.json")

pytestmark = pytest.mark.skipif(
    sys.version_info[:2] != (3, 11), reason="envs/starbench.yaml is for Python 3.11"
)


@pytest.fixture
def checkout(tmp_path):
    """A copy of the checkout: the environment installs it, as it would the real one."""
    for part in PARTS:
        if (ROOT / part).is_dir():
            ignored = shutil.ignore_patterns("*.egg-info", "__pycache__")
            shutil.copytree(ROOT / part, tmp_path / part, ignore=ignored)
        else:
            shutil.copy(ROOT / part, tmp_path / part)
    shutil.copy(TINY, tmp_path / "run.yaml")
    return tmp_path


def run_with_conda(checkout):
    """Run two jobs with the stand-in; commands of the tests' own environment are not on PATH."""
    tools = checkout / "tools"
    tools.mkdir()
    # A symbolic link would lose the virtual environment that it is of.
    (tools / "python3").write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    (tools / "python3").chmod(0o755)
    (tools / "conda").symlink_to(STAND_IN / "conda")
    kept = [p for p in os.environ["PATH"].split(":") if not Path(p, "starbench").exists()]
    environment = {
        **{key: value for key, value in os.environ.items() if key != "PYTHONPATH"},
        "PATH": ":".join([str(tools), *kept]),
        "CONDA_STAND_IN_LOG": str(checkout / "conda.log"),
        "PIP_NO_INDEX": "1",
    }
    return subprocess.run(
        [
            *(sys.executable, "-m", "snakemake", "--sdm", "conda", "--cores", "2"),
            *("--configfile", "run.yaml", "--", *TARGETS),
        ],
        cwd=checkout,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_jobs_run_in_the_environment_that_the_files_describe(checkout):
    done = run_with_conda(checkout)
    assert done.returncode == 0, done.stdout + done.stderr
    calls = [json.loads(line) for line in (checkout / "conda.log").read_text().splitlines()]
    (created,) = [call for call in calls if call[:2] == ["env", "create"]]
    prefix = Path(created[created.index("--prefix") + 1])
    # The post-deploy script installed the checkout there: no other `starbench` is on the PATH.
    command = (prefix / "bin" / "starbench").read_text()
    assert command.startswith(f"#!{prefix}/bin/python")
    found = subprocess.run(
        [prefix / "bin" / "python", "-c", "import starbench; print(starbench.__file__)"],
        capture_output=True,
        text=True,
        check=True,
        cwd="/",
    )
    assert Path(found.stdout.strip()) == checkout / "src" / "starbench" / "__init__.py"
    for target in TARGETS:
        assert json.loads((checkout / target).read_text())["stage"] == "data"


def test_an_environment_is_not_made_from_another_lock(checkout):
    lock = checkout / "envs" / "requirements.lock"
    lock.write_text(lock.read_text().replace("tqdm==", "tqdm==0."))
    done = run_with_conda(checkout)
    assert done.returncode != 0
    assert f"envs/{SCRIPT} expects" in done.stdout + done.stderr
    assert not (checkout / TARGETS[0]).exists()


def test_the_lock_is_what_pip_installs_there(checkout):
    """The same with a version that nobody has: pip must be asked for it, and fail."""
    lock, script = (
        checkout / "envs" / f for f in ("requirements.lock", "starbench.post-deploy.sh")
    )
    old = lock.read_bytes()
    lock.write_text(lock.read_text().replace("tqdm==", "tqdm==9999."))

    sums = [hashlib.sha256(data).hexdigest() for data in (old, lock.read_bytes())]
    script.write_text(script.read_text().replace(*sums))
    done = run_with_conda(checkout)
    assert done.returncode != 0
    assert "tqdm==9999." in done.stdout + done.stderr
