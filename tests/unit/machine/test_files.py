"""Nobody sees half of a file, and what killed writers leave goes with the next one."""

import os
import signal
import stat
import subprocess
import sys

import pytest
import torch
from safetensors.torch import save_file

from starbench.machine.files import write_text, written_whole

WRITE = """
import sys, time
from pathlib import Path
from starbench.machine.files import written_whole
with written_whole(Path(sys.argv[1])) as temporary:
    if sys.argv[2] == "folder":
        temporary.mkdir()
        (temporary / "part").write_text("half")
    else:
        temporary.write_text("half")
    print(temporary, flush=True)
    time.sleep(60)
"""


@pytest.fixture(params=["file", "folder"])
def writer(request, tmp_path):
    """A process in the middle of writing, and where its half is."""
    running = subprocess.Popen(
        [sys.executable, "-c", WRITE, str(tmp_path / "made"), request.param],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert running.stdout is not None
    half = tmp_path / running.stdout.readline().strip()
    assert half.exists()
    yield running, half
    running.kill()
    running.communicate()


def test_what_a_killed_writer_left_goes_with_the_next_one(tmp_path, writer):
    running, half = writer
    running.send_signal(signal.SIGKILL)
    running.wait()
    assert half.exists()
    write_text(tmp_path / "made", "whole")
    assert [path.name for path in tmp_path.iterdir()] == ["made"]
    assert (tmp_path / "made").read_text() == "whole"


def test_what_another_process_is_writing_stays(tmp_path, writer):
    _, half = writer
    write_text(tmp_path / "made", "whole")
    assert half.exists()


def test_only_what_was_to_become_the_same_file_goes(tmp_path):
    gone = 2**22  # Linux gives no process this number
    kept = [f".made.csv.{gone}.tmp", f".mad.{gone}.tmp", ".made.tmp", f"made.{gone}.tmp"]
    for name in (*kept, f".made.{gone}.tmp"):
        (tmp_path / name).write_text("")
    write_text(tmp_path / "made", "whole")
    assert {path.name for path in tmp_path.iterdir()} == {*kept, "made"}


def test_a_process_with_the_number_of_a_killed_one_starts_from_nothing(tmp_path):
    """As in containers, where every job may be process 7."""
    left = tmp_path / f".made.{os.getpid()}.tmp"
    left.mkdir()
    (left / "stale").write_text("of another config")
    with written_whole(tmp_path / "made") as temporary:
        assert temporary == left
        temporary.mkdir()
        (temporary / "part").write_text("whole")
    assert [path.name for path in (tmp_path / "made").iterdir()] == ["part"]


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o027, 0o640), (0o077, 0o600)])
def test_weights_can_be_read_by_whom_the_umask_lets(tmp_path, umask, mode):
    former = os.umask(umask)
    try:
        with written_whole(tmp_path / "model") as temporary:
            temporary.mkdir()
            save_file({"weight": torch.zeros(2)}, temporary / "model.safetensors")
        with written_whole(tmp_path / "heads.safetensors") as temporary:
            save_file({"weight": torch.zeros(2)}, temporary)
    finally:
        os.umask(former)
    for name in ("model/model.safetensors", "heads.safetensors"):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == mode
