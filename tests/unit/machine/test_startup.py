"""Short starts and ends of a process: nothing that a library or a thread still does is lost."""

import gc
import subprocess
import sys

import pytest

from starbench.machine.startup import importing


def run(code):
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60
    )


@pytest.mark.parametrize("status", [0, 2, 75])
def test_a_process_ends_with_the_status_after_what_was_left_to_do(status):
    done = run(
        f"""
import atexit, sys, threading, time
from starbench.machine.startup import exit_with

def main():
    atexit.register(lambda: print("cleaned up"))
    threading.Thread(target=lambda: (time.sleep(0.3), print("thread done"))).start()
    print("worked")
    sys.stderr.write("said without a line's end")
    return {status}

class Dismantled:
    def __del__(self):
        print("dismantled")

kept = Dismantled()
exit_with(main)
"""
    )
    assert done.returncode == status
    assert done.stdout == "worked\nthread done\ncleaned up\n"
    assert done.stderr == "said without a line's end"


def test_an_exception_ends_a_process_as_usual():
    done = run(
        """
from starbench.machine.startup import exit_with

def main():
    raise ValueError("wrong")

exit_with(main)
"""
    )
    assert done.returncode == 1
    assert done.stderr.endswith("ValueError: wrong\n")


def test_an_interrupt_ends_a_process_by_its_signal():
    done = run(
        """
import os, signal, time
from starbench.machine.startup import exit_with

def main():
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(10)

exit_with(main)
"""
    )
    assert done.returncode == -2


def test_garbage_is_looked_for_after_imports_as_before():
    assert gc.isenabled()
    frozen = gc.get_freeze_count()
    with pytest.raises(ImportError), importing():
        assert not gc.isenabled()
        raise ImportError
    assert gc.isenabled()
    assert gc.get_freeze_count() > frozen
    gc.unfreeze()
    gc.disable()
    try:
        with importing():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()
        gc.unfreeze()
