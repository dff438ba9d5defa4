"""The rehearsal's driver: it ends what fails or hangs, with one line that says so."""

import subprocess
import sys
import time

import psutil
import pytest

from tests.rehearsal.rehearse import LIMIT_MINUTES, Rehearsal, RehearsalError

HANGS = (
    "import subprocess, sys; subprocess.run([sys.executable, '-c', 'import time; time.sleep(99)'])"
)


@pytest.fixture
def rehearsal(tmp_path) -> Rehearsal:
    return Rehearsal(tmp_path, cores=1)


def test_what_hangs_is_stopped_with_all_that_it_started(rehearsal):
    # Other tests of this process may have left servers of theirs.
    others = set(psutil.Process().children(recursive=True))
    rehearsal.end = time.monotonic() + 1
    start = time.monotonic()
    with pytest.raises(RehearsalError, match=f"stopped after {LIMIT_MINUTES} minutes"):
        rehearsal._command([sys.executable, "-c", HANGS], rehearsal.environment("http://nowhere"))
    assert time.monotonic() - start < 30
    mine = set(psutil.Process().children(recursive=True)) - others
    assert not [child for child in mine if child.status() != psutil.STATUS_ZOMBIE]


def test_what_fails_ends_the_rehearsal_with_its_status(rehearsal):
    with pytest.raises(RehearsalError, match="status 3 of"):
        rehearsal._command(
            [sys.executable, "-c", "raise SystemExit(3)"], rehearsal.environment("http://nowhere")
        )


def test_nothing_but_the_stand_ins_is_in_reach_of_the_runs(rehearsal, monkeypatch, tmp_path):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_TOKEN", "secret")
    environment = rehearsal.environment("http://127.0.0.1:1")
    assert "HF_HUB_OFFLINE" not in environment
    assert "HF_TOKEN" not in environment
    code = "import huggingface_hub.constants as c; print(c.ENDPOINT, c.HF_HOME)"
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["http://127.0.0.1:1", str(tmp_path / "hf-home")]
