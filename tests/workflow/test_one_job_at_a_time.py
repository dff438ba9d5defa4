"""A job whose folder another one is writing to says so, and leaves that folder as it is."""

import os

import pytest

from starbench.machine.lock import only_one_in
from tests.workflow.tiny import files_of
from tests.workflow.tiny_run import RETRIEVAL, STS, starbench

MODEL = "starbucks/seed-42"
SHARD = ["--dataset", "library", "--shard", "1"]
JOBS = [
    (f"embeddings/sts/{MODEL}/paraphrase", ["embed", *STS]),
    (f"embeddings/retrieval/{MODEL}/library/queries", ["embed", *RETRIEVAL]),
    (f"embeddings/retrieval/{MODEL}/library/passages-1", ["embed", *RETRIEVAL, *SHARD]),
    (f"scores/sts/{MODEL}/paraphrase", ["evaluate", "model", *STS]),
    (f"scores/retrieval/{MODEL}/library", ["evaluate", "model", *RETRIEVAL]),
    ("scores/retrieval/bm25/library", ["evaluate", "bm25", "--track", "retrieval"]),
]


@pytest.mark.parametrize(("made", "command"), JOBS, ids=[made for made, _ in JOBS])
def test_a_second_job_in_a_folder_is_one_line(by_commands, capsys, made, command):
    folder = by_commands / "results/tiny" / made
    before = files_of(folder)
    what = "embedding" if command[0] == "embed" else "scoring"
    capsys.readouterr()
    with only_one_in(folder, what):
        assert starbench(by_commands, *command) == 2
        assert files_of(folder) == before
    said = capsys.readouterr().err.splitlines()
    assert said[-1] == (
        f"error: {folder}: another {what} runs here (process {os.getpid()} on "
        f"{os.uname().nodename}): wait until it ends, or stop it"
    )
    assert starbench(by_commands, *command) == 0
    assert files_of(folder) == before
    assert not list(folder.parent.glob(".*.lock"))
