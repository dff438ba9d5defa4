"""What sizes cost, on the finished demo: the commands of docs/what-a-size-costs.md.

`make test-export` runs it on the demo's results in `results/`, or in the folder that
STARBENCH_TEST_EXPORT names. About two minutes.
"""

import csv
import os
import re
import shutil
import subprocess
import sys
from itertools import product
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
RESULTS = os.environ.get("STARBENCH_TEST_EXPORT", "")
PAGE = (ROOT / "docs" / "what-a-size-costs.md").read_text()

pytestmark = pytest.mark.skipif(not RESULTS, reason="make test-export sets it up")


def documented(program):
    """Return the one command of the page that a program is called with, in words."""
    (line,) = re.findall(rf"^{program} .*$", PAGE, re.MULTILINE)
    return line.split()[1:]


def called(module, arguments):
    command = [sys.executable, "-P", "-m", module, *arguments]
    return subprocess.run(command, check=True, cwd=ROOT, capture_output=True, text=True)


@pytest.fixture(scope="module")
def copied(tmp_path_factory) -> Path:
    """A copy of the demo's results."""
    folder = tmp_path_factory.mktemp("costs")
    shutil.copytree(Path(RESULTS) / "demo", folder / "demo", symlinks=True)
    return folder


def advice(folder):
    return called("starbench", [*documented("starbench advise"), "--results", str(folder)]).stdout


def test_the_demo_can_be_asked_for_advice_and_its_costs_train_nothing(copied):
    assert advice(copied).startswith("semantic textual similarity")
    # A copy lacks Snakemake's records, by which it knows that costs.csv is of fewer models.
    for file in (copied / "demo").glob("costs.csv*"):
        file.unlink()
    done = called(
        "snakemake", [*documented("snakemake"), "--config", f"results={copied}", "--cores", "2"]
    )
    rules = set(re.findall(r"^\s*(?:local)?rule (\w+):", done.stderr, re.MULTILINE))
    assert {"score_bits", "score_asymmetric", "measure_model", "draw_report"} <= rules
    assert not rules & {"pretrain_backbone", "finetune_model", "embed_texts", "score_model"}
    root = copied / "demo"
    with (root / "costs.csv").open() as file:
        measured = {(row["track"], row["system"]) for row in csv.DictReader(file)}
    # BERT's model is that of BERT-Separate at the full size, too.
    assert measured == set(product(("sts", "retrieval"), ("bert", "bert-separate", "starbucks")))
    for name in ("tables/bits.md", "tables/asymmetric.md", "figures/retrieval_pareto.png"):
        assert (root / name).stat().st_size > 1000
    assert "6/32 binary → 6/64 int8 → 6/128 float32" in (root / "tables/adaptive.md").read_text()
