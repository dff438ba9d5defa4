"""The loss of every step: one that is not a number ends the training, whenever it is looked at."""

from __future__ import annotations

from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor
from transformers import (
    Trainer,
    TrainerCallback,
    TrainerControl,
    TrainerState,
    TrainingArguments,
)

from starbench.errors import NotFiniteError
from starbench.machine.processes import processes
from starbench.training.skipping import SkipNotFinite

STORED_AS = "StepLosses"
"""Where the last step's loss is within a checkpoint's state."""

REMEDY = "lower learning_rate or use precision fp32"

NEVER = 2**62
"""The step at which no loss was wrong."""


class StepLosses(TrainerCallback):  # type: ignore[misc]
    """Adds up the loss of each step where it is computed, and looks at it only now and then.

    A device is not waited for at every step: it keeps the first step whose loss was not finite
    number, and whoever is about to log, to save or to finish asks for it. A step that was skipped
    is none of these: `SkipNotFinite` has counted it.

    Args:
        what: what is being trained, for messages.
        skips: what skips steps, asked before this callback.
    """

    def __init__(self, what: str, skips: SkipNotFinite) -> None:
        self.what, self.skips = what, skips
        self._known_skips = 0
        self._step: Tensor | None = None
        """Loss of the parts of the step so far, in this process."""
        self._last: Tensor | None = None
        """Loss of the last step that was not skipped."""
        self._stored: float | None = None
        """The same of the checkpoint that the training went on from."""
        self._wrong: Tensor | None = None
        """Number of the first step, from 1, whose loss was not a finite number."""

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """Take up the loss of the checkpoint, if there was one."""
        self._stored = state.stateful_callbacks.get(STORED_AS, {}).get("last")
        self._known_skips = self.skips.count

    def add(self, loss: Tensor) -> None:
        """Add the loss of a part of the step: its share of the mean over the step's batch."""
        part = loss.detach().float()
        self._step = part if self._step is None else self._step + part

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """Keep the loss of the step that has just been made."""
        loss, self._step = self._step, None
        if loss is None or self.skips.count != self._known_skips:
            self._known_skips = self.skips.count
            return
        if self._wrong is None:
            self._wrong = torch.tensor(NEVER, device=loss.device)
        here = torch.where(loss.isfinite(), NEVER, state.global_step)
        self._wrong = torch.minimum(self._wrong, here)
        self._last = loss

    def check(self, device: torch.device) -> None:
        """Raise NotFiniteError in all processes if the loss of any was not finite at some step."""
        wrong = self._wrong if self._wrong is not None else torch.tensor(NEVER, device=device)
        if processes() > 1:
            wrong = wrong.clone()
            dist.all_reduce(wrong, dist.ReduceOp.MIN)
        step = int(wrong)
        if step != NEVER:
            raise NotFiniteError(
                f"{self.what}: the loss is not a finite number at step {step}; {REMEDY}"
            )

    def last(self) -> float | None:
        """Return the loss of the last step that was not skipped, the mean over all processes."""
        if self._last is None:
            return self._stored
        loss = self._last.clone()
        if processes() > 1:
            dist.all_reduce(loss)
        return float(loss) / processes()

    def store(self, state: TrainerState) -> None:
        """Put the last loss into the state, of which a checkpoint is about to be written."""
        state.stateful_callbacks[STORED_AS] = {"last": self.last()}


class WatchesLosses(Trainer):  # type: ignore[misc]
    """A trainer that hands the loss of every step to `StepLosses`, and saves no spoilt weights.

    Its log goes on after a step that was skipped because the loss was not a number: transformers'
    Trainer takes the running loss from itself after each line of the log, and a number that is
    none minus itself is none again, so that every later line would say so.
    """

    def __init__(self, *args: Any, losses: StepLosses, **options: Any) -> None:
        super().__init__(*args, **options)
        self.losses = losses
        self.add_callback(losses)

    def training_step(self, *args: Any, **options: Any) -> Tensor:
        """Make a part of a step and return its loss."""
        loss: Tensor = super().training_step(*args, **options)
        self.losses.add(loss)
        return loss

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Log as the Trainer does unless a loss was wrong; the next line starts from zero."""
        self.losses.check(self.args.device)
        super().log(logs, start_time)
        if "loss" in logs:
            self._tr_loss.zero_()

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        self._refuse_spoilt()
        self.losses.store(self.state)
        super()._save_checkpoint(model, trial)

    def final_loss(self) -> float | None:
        """Return the loss of the last step; NotFiniteError if weights or a loss are spoilt."""
        self._refuse_spoilt()
        return self.losses.last()

    def _refuse_spoilt(self) -> None:
        self.losses.check(self.args.device)
        if not all(bool(weight.isfinite().all()) for weight in self.model.parameters()):
            raise NotFiniteError(
                f"{self.losses.what}: there are weights that are not finite numbers after step "
                f"{self.state.global_step}; {REMEDY}"
            )
