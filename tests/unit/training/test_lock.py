"""The lock of a folder: one holder at a time, whatever became of the one before."""

import os
import signal
import subprocess
import sys

import pytest

from starbench.errors import InputError
from starbench.training.lock import LOCK, only_training_in

HOLD = """
import sys, time
from pathlib import Path
from starbench.training.lock import only_training_in
with only_training_in(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def holder(tmp_path):
    running = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert running.stdout is not None
    assert running.stdout.readline() == "held\n"
    yield running
    running.kill()
    running.communicate()


def test_a_held_folder_names_its_holder(tmp_path, holder):
    with pytest.raises(InputError) as caught, only_training_in(tmp_path):
        pass
    assert str(caught.value) == (
        f"{tmp_path}: another training runs here (process {holder.pid} on {os.uname().nodename}): "
        "wait until it ends, or stop it"
    )


def test_a_killed_holder_holds_nothing(tmp_path, holder):
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    assert (tmp_path / LOCK).is_file(), "what a kill leaves"
    with only_training_in(tmp_path):
        pass
    assert not (tmp_path / LOCK).exists()


def test_the_lock_is_free_again_after_the_block(tmp_path):
    for _ in range(2):
        with only_training_in(tmp_path):
            assert (tmp_path / LOCK).is_file()
