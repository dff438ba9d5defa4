"""The commands of docs/score-a-model.md that need neither a network nor data of one's own."""

import re
import shlex
import subprocess
import sys

import pandas as pd
import pytest

from tests.workflow.tiny import ENVIRONMENT, ROOT

PAGE = (ROOT / "docs" / "score-a-model.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```\n(starbench example .*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def scored(tmp_path_factory):
    """A folder like a checkout, after the commands, and what the last one printed."""
    folder = tmp_path_factory.mktemp("checkout")
    for name in ("Snakefile", "workflow"):
        (folder / name).symlink_to(ROOT / name)
    models = folder / "results/reference/scratch/models"
    models.parent.mkdir(parents=True)
    models.symlink_to(ROOT / "results/reference/scratch/models")
    (commands,) = BLOCK.findall(PAGE)
    for line in commands.splitlines():
        program, *arguments = shlex.split(line)
        assert program == "starbench"
        done = subprocess.run(
            [sys.executable, "-m", "starbench", *arguments],
            cwd=folder,
            env=ENVIRONMENT,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
    return folder, done.stdout


def test_every_size_of_the_stored_model_is_scored_and_printed(scored):
    folder, printed = scored
    for size in ("1/8", "2/16", "3/32", "4/64", "5/128", "6/192"):
        assert size in printed
    scores = pd.read_csv(folder / "results/score-starbucks/scores.csv")
    of_model = scores[(scores["system"] == "model") & (scores["metric"] == "nDCG@10")]
    by_size = of_model.groupby("layers")["value"].max()
    assert list(by_size.index) == [1, 2, 3, 4, 5, 6]
    assert by_size[6] > 3 * by_size[1]
