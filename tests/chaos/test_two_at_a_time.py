"""Two at a time, the second started at a drawn moment: nobody spoils what the other makes."""

from __future__ import annotations

import re
import shutil
import subprocess
import time

import pytest
import yaml

from tests.chaos.attempts import ENVIRONMENT, ended_afterwards, make, start
from tests.chaos.contents import products
from tests.chaos.jobs import RUN, copy_without, is_done
from tests.chaos.moments import generator, repeat_with

SEED = ["--seed", "42", "--config", "run.yaml", "--threads", "1"]
STS = ["--track", "sts", "--model", "starbucks", *SEED]
RETRIEVAL = ["--track", "retrieval", "--model", "starbucks", *SEED]
SHARD = ["--dataset", "library", "--shard", "1"]
COMMANDS = {
    "data": ("fetch_dataset", ["data", "--dataset", "library", *SEED[2:]]),
    "checkpoint": ("fetch_checkpoint", ["data", "--checkpoint", "start", *SEED[2:]]),
    "pretrain": ("pretrain_backbone", ["pretrain", "--backbone", "smae", *SEED]),
    "finetune": ("finetune_model", ["finetune", *STS]),
    "embed": ("embed_texts", ["embed", *RETRIEVAL]),
    "embed-shard": ("embed_shard", ["embed", *RETRIEVAL, *SHARD]),
    "search": ("search_shard", ["evaluate", "shard", *RETRIEVAL, *SHARD]),
    "score": ("score_model", ["evaluate", "model", *RETRIEVAL]),
    "collect": ("collect_scores", ["evaluate", "collect", *SEED[2:]]),
    "compare": ("compare_systems", ["evaluate", "compare", *SEED[2:]]),
    "report": ("draw_report", ["report", *SEED[2:]]),
}


def moment(*names: object) -> float:
    """Return how long after the first the second one starts, in seconds."""
    return generator("two", *names).choice([0.0, 0.2, 1.0, 2.0, 3.0, 4.0]) * (
        0.5 + generator("two", "part", *names).random()
    )


@pytest.mark.parametrize("number", range(3))
def test_a_second_snakemake_is_refused_and_the_first_one_ends(reference, tmp_path, number):
    print(f"\n{repeat_with('second_snakemake')}")
    folder = copy_without(reference.folder, tmp_path / "run", "search_shard")
    offset = moment("snakemakes", number)
    with ended_afterwards(start(folder)) as first:
        time.sleep(offset)
        with ended_afterwards(start(folder)) as second:
            statuses = [first.wait(), second.wait()]
    texts = [first.text(), second.text()]
    print(f"the second one after {offset:.2f} s: statuses {statuses}")
    assert 0 in statuses, texts
    for status, text in zip(statuses, texts, strict=True):
        assert "Traceback" not in text
        assert status == 0 or "cannot be locked" in text, text
    assert products(folder) == reference.products


@pytest.mark.parametrize("stage", COMMANDS)
def test_two_of_one_command_leave_what_one_makes(reference, tmp_path, stage):
    """As after a Snakemake was killed alone: its lock does not keep them apart."""
    print(f"\n{repeat_with(f'two_of_one_command and {stage}')}")
    rule, command = COMMANDS[stage]
    folder = copy_without(reference.folder, tmp_path / "run", rule)
    offset = moment("commands", stage)
    both = []
    for wait in (offset, 0):
        both.append(
            subprocess.Popen(
                ["starbench", *command], cwd=folder, env=ENVIRONMENT, stderr=subprocess.PIPE,
                text=True,
            )
        )  # fmt: skip
        time.sleep(wait)
    said = [one.communicate(timeout=300)[1] for one in both]
    statuses = [one.returncode for one in both]
    print(f"the second one after {offset:.2f} s: statuses {statuses}")
    assert 0 in statuses, said
    for status, text in zip(statuses, said, strict=True):
        assert "Traceback" not in text, text
        if status:
            assert status == 2, text
            assert re.search(r"error: .*: another \w+ runs here \(", text.splitlines()[-1]), text
    made = products(folder)
    assert made and made.items() <= reference.products.items()
    make(folder, "--until", rule)
    assert is_done(folder, rule, reference.folder)
    assert products(folder).items() <= reference.products.items()


def test_two_runs_in_one_folder_at_the_same_time_both_end(reference, tmp_path):
    print(f"\n{repeat_with('two_runs')}")
    folder = copy_without(reference.folder, tmp_path / "run", "embed_texts")
    other = folder / "results/other"
    shutil.copytree(folder / RUN, other)
    value = yaml.safe_load((folder / "run.yaml").read_text()) | {"run": "other"}
    (folder / "other.yaml").write_text(yaml.safe_dump(value, sort_keys=False))
    offset = moment("runs")
    with ended_afterwards(start(folder, "--cores", "1")) as first:
        time.sleep(offset)
        config = ["--configfile", str(folder / "other.yaml"), "--cores", "1"]
        with ended_afterwards(start(folder, *config)) as second:
            assert [first.wait(), second.wait()] == [0, 0], first.text() + second.text()
    assert products(folder) == reference.products
    moved = tmp_path / "moved"
    (moved / "results").mkdir(parents=True)
    shutil.move(other, moved / RUN)
    assert products(moved) == reference.products
