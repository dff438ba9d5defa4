"""Saving a training before its job ends, so that the next attempt goes on from there."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from types import FrameType
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from starbench.errors import TimeIsUp
from starbench.machine.processes import any_process

log = logging.getLogger(__name__)

TIME_SIGNAL = signal.SIGURG
"""What `sbatch --signal=URG@<seconds>` sends to every process of a job.

Of the signals that Slurm knows by name it is the one that all others (Snakemake, the shell,
torchrun) ignore unless told otherwise: no process of the job dies of it.
"""

END_SIGNALS = (signal.SIGTERM, signal.SIGHUP)
"""What tells a job to end: `kill`, `scancel`, a closed terminal."""

SECONDS_TO_END = 27
"""How long after such a signal a training may take to end; Slurm kills it after 30 s."""


class SaveInTime(TrainerCallback):  # type: ignore[misc]
    """On a signal, ends the training at the end of its current step, with a checkpoint.

    Of several processes all stop at the same step when any of them got the signal. A job that was
    told to end and cannot save in time ends all the same; the checkpoint before is left.
    """

    def __init__(self, what: str) -> None:
        self.what = what
        self._asked: int | None = None
        self._stopped_at: int | None = None
        self._before: dict[int, Any] = {}
        self._deadline: threading.Timer | None = None

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """Listen for the signals."""
        for number in (TIME_SIGNAL, *END_SIGNALS):
            if signal.getsignal(number) is signal.SIG_IGN:  # as nohup has it
                continue
            self._before[number] = signal.signal(number, self._ask)
            # A system call of a library that the signal interrupts goes on instead of failing.
            signal.siginterrupt(number, False)

    def _ask(self, number: int, frame: FrameType | None) -> None:
        self._asked = number
        if number in END_SIGNALS and self._deadline is None:
            self._deadline = threading.Timer(SECONDS_TO_END, _leave, [self.what, number])
            self._deadline.daemon = True
            self._deadline.start()

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """Save and stop if any process was asked to; a training that is done just ends."""
        asked = any_process(self._asked is not None, args.device)
        if asked and state.global_step < state.max_steps:
            self._stopped_at = state.global_step
            control.should_save = True
            control.should_training_stop = True

    def on_train_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """Stop listening; raise TimeIsUp if the training was cut short."""
        for number, before in self._before.items():
            signal.signal(number, before)
        if self._stopped_at is not None:
            any_process(True, args.device)  # nobody leaves before all have written their part
            if self._deadline is not None:
                self._deadline.cancel()
            raise TimeIsUp(
                f"{self.what}: {self._reason()}; saved at step {self._stopped_at} of "
                f"{state.max_steps}, from which the next attempt goes on"
            )

    def _reason(self) -> str:
        if self._asked in END_SIGNALS:
            return f"told to end ({signal.Signals(self._asked).name})"
        return "the job's time is nearly over"


def _leave(what: str, number: int) -> None:
    print(
        f"{what}: told to end ({signal.Signals(number).name}), but not done after "
        f"{SECONDS_TO_END} s; the next attempt goes on from the checkpoint before",
        file=sys.stderr,
        flush=True,
    )
    os._exit(128 + number)
