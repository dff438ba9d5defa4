"""Saving a training before its job's time is over, so that the next attempt goes on from there."""

from __future__ import annotations

import logging
import signal
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


class SaveInTime(TrainerCallback):  # type: ignore[misc]
    """On the signal, ends the training at the end of its current step, with a checkpoint.

    Of several processes all stop at the same step when any of them got the signal.
    """

    def __init__(self, what: str) -> None:
        self.what = what
        self._asked = False
        self._stopped_at: int | None = None
        self._before: Any = None

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """Listen for the signal."""
        self._before = signal.signal(TIME_SIGNAL, self._ask)
        # A system call of a library that the signal interrupts goes on instead of failing.
        signal.siginterrupt(TIME_SIGNAL, False)

    def _ask(self, number: int, frame: FrameType | None) -> None:
        self._asked = True

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """Save and stop if any process was asked to; a training that is done just ends."""
        if any_process(self._asked, args.device) and state.global_step < state.max_steps:
            self._stopped_at = state.global_step
            control.should_save = True
            control.should_training_stop = True

    def on_train_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """Stop listening; raise TimeIsUp if the training was cut short."""
        signal.signal(TIME_SIGNAL, self._before)
        if self._stopped_at is not None:
            any_process(True, args.device)  # nobody leaves before all have written their part
            raise TimeIsUp(
                f"{self.what}: the job's time is nearly over; saved at step {self._stopped_at} of "
                f"{state.max_steps}, from which the next attempt goes on"
            )
