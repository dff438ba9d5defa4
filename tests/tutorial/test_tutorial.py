"""The tutorial as a reader works through it: its commands in a new copy of the checkout.

`make test-tutorial` runs it, with a virtual environment of its own; it takes about five minutes.
"""

import os
import re
import shutil
import subprocess
import time
from pathlib import Path

import pandas as pd
import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
COMMANDS = ("python3", "source", "pip", "starbench", "snakemake")

pytestmark = pytest.mark.skipif(
    not os.environ.get("STARBENCH_TEST_TUTORIAL"), reason="make test-tutorial sets it up"
)


def commands() -> list[str]:
    """Return every command of the page, in its order."""
    lines = [line for kind, text in BLOCK.findall(PAGE) if not kind for line in text.splitlines()]
    return [line for line in lines if line.startswith(COMMANDS)]


def shown_config() -> str:
    (text,) = (text for kind, text in BLOCK.findall(PAGE) if kind == "yaml")
    return text


@pytest.fixture(scope="module")
def worked(tmp_path_factory):
    """A copy of the checkout after all commands, and what they printed."""
    copy = tmp_path_factory.mktemp("tutorial") / "starbench"
    listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    names = subprocess.run(listed, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, names.split("\0")):
        if (ROOT / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, copy / name)
    kept = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "VIRTUAL_ENV")}
    change = "sed -i 's/steps: 60/steps: 90/' mydata/config.yaml"
    lines = [f"{change}\n{line}" if line.endswith("--dry-run") else line for line in commands()]
    start = time.monotonic()
    done = subprocess.run(
        ["bash", "-euxo", "pipefail", "-c", "\n".join(lines)],
        cwd=copy,
        env=kept,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=3600,
    )
    print(f"the tutorial's commands took {time.monotonic() - start:.0f} s")
    assert done.returncode == 0, done.stdout[-3000:]
    return copy, done.stdout


def test_the_page_has_its_commands():
    assert len(commands()) == 11
    assert commands()[-1].endswith("--dry-run")


def test_the_config_on_the_page_is_the_one_that_is_written(worked):
    written = (worked[0] / "mydata" / "config.yaml").read_text()
    assert written.replace("steps: 90", "steps: 60") == shown_config()


def test_both_systems_have_scores_at_each_size_and_training_helps_the_small_one(worked):
    scores = pd.read_csv(worked[0] / "results" / "mydata" / "scores.csv")
    values = scores[scores["metric"] == "RR@10"].set_index(["system", "size"])["value"]
    for size in ("n2-d64", "n4-d128", "n6-d384"):
        assert {"minilm", "srl"} <= set(values.xs(size, level="size").index)
    assert values["srl", "n2-d64"] > values["minilm", "n2-d64"]


def test_the_table_is_printed_and_the_summary_is_there(worked):
    copy, printed = worked
    for shown in ("small", "medium", "full", "MiniLM (untouched)", "MiniLM-SRL", "BM25"):
        assert shown in printed
    assert (copy / "results" / "mydata" / "summary.md").stat().st_size


def test_a_changed_number_makes_the_trained_model_anew_and_nothing_else(worked):
    counts = dict(
        re.findall(r"^(\w+) +(\d+)$", worked[1].rpartition("Job stats:")[2], re.MULTILINE)
    )
    assert counts["finetune_model"] == "1"
    assert "fetch_dataset" not in counts
    assert "fetch_checkpoint" not in counts
