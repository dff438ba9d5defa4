"""The plan has the jobs that Snakemake will run."""

import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from starbench.config.reading import load_config
from starbench.planning.devices import device_named
from starbench.planning.plan import make_plan
from starbench.run.paths import RunPaths

ROOT = Path(__file__).parents[2]
CONFIGS = {
    "demo": ROOT / "config" / "demo.yaml",
    "paper": ROOT / "config" / "paper.yaml",
    "released": ROOT / "config" / "released.yaml",
    "from-released-smae": ROOT / "config" / "from-released-smae.yaml",
    "minilm-sts": ROOT / "results" / "reference" / "minilm-sts" / "config.yaml",
    "tiny": Path(__file__).with_name("tiny.yaml"),
}


def snakemake_jobs(folder, config):
    """Return {rule: jobs} of a dry run of everything."""
    command = ["snakemake", "--snakefile", str(ROOT / "Snakefile"), "--directory", str(folder)]
    done = subprocess.run(
        [*command, "--configfile", str(config), "--cores", "2", "--dry-run", "--quiet", "host"],
        env=os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=True,
    )
    table = re.search(r"Job stats:\n.*?\n-[- ]+\n(.*?)\n\n", done.stdout + done.stderr, re.DOTALL)
    assert table is not None
    rows = [line.split() for line in table[1].splitlines()]
    return {rule: int(count) for rule, count in rows if rule not in ("total", "all", "default")}


@pytest.mark.parametrize("name", CONFIGS)
def test_the_plan_counts_the_jobs_of_the_dag(name, tmp_path):
    # Sizes of folders are read from the data; which jobs there are does not depend on them.
    folder_data = name == "minilm-sts"
    if folder_data and "STARBENCH_DATA" not in os.environ:
        pytest.skip("STARBENCH_DATA is not set")
    shutil.copy(CONFIGS[name], tmp_path / "run.yaml")
    config = load_config(tmp_path / "run.yaml")
    device = device_named("h100")
    plan = make_plan(config, RunPaths.of(config, tmp_path / "results"), device, None, {})
    planned = Counter(job.rule for job in plan.jobs)
    assert planned == snakemake_jobs(tmp_path, tmp_path / "run.yaml")
    names = [job.name for job in plan.jobs]
    assert len(set(names)) == len(names)
    assert all(name in names[:number] for number, job in enumerate(plan.jobs) for name in job.needs)
