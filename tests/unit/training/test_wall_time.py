"""A training that is told to end, but whose step does not end, leaves all the same."""

import signal
import subprocess
import sys
import time

import pytest

CODE = """
import sys, time
from types import SimpleNamespace
from starbench.training import wall_time

wall_time.SECONDS_TO_END = 2
saving = wall_time.SaveInTime("finetune x seed 1")
saving.on_train_begin(None, None, None)
print("ready", flush=True)
while True:  # a step that takes longer than there is time, of many short calls
    time.sleep(0.1)
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_step_that_does_not_end_is_left_with_a_line_and_a_failing_status(number):
    # Under `nohup make test`, what tests start would ignore SIGHUP.
    code = f"import signal\nsignal.signal({int(number)}, signal.SIG_DFL)\n{CODE}"
    running = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert running.stdout is not None
    assert running.stdout.readline() == "ready\n"
    sent = time.monotonic()
    running.send_signal(number)
    said = running.communicate(timeout=120)[1]
    assert time.monotonic() - sent < 100
    assert running.returncode == 128 + number
    assert said == (
        f"finetune x seed 1: told to end ({number.name}), but not done after 2 s; the next "
        "attempt goes on from the checkpoint before\n"
    )


def test_a_signal_that_the_shell_ignores_stays_ignored():
    """As `nohup` has it: a closed terminal does not end the training."""
    code = CODE.replace("import sys", "import signal, sys", 1).replace(
        "saving =", "signal.signal(signal.SIGHUP, signal.SIG_IGN)\nsaving =", 1
    )
    running = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert running.stdout is not None
    assert running.stdout.readline() == "ready\n"
    running.send_signal(signal.SIGHUP)
    time.sleep(4)
    assert running.poll() is None
    running.kill()
    running.communicate()
