"""Skipping an optimiser's step whose gradient is not a finite number; stopping at too many."""

from __future__ import annotations

import logging
import math
from typing import Any

import torch
from torch import nn
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from starbench.errors import NotFiniteError

log = logging.getLogger(__name__)

STORED_AS = "SkipNotFinite"
"""Where the counts are within a checkpoint's state."""


class SkipNotFinite(TrainerCallback):  # type: ignore[misc]
    """Skips steps with a gradient that is not finite; weights and AdamW's averages stay.

    The published pre-training does so too (ielab/Starbucks: smae/pretrain_bert.py), by parameter
    and by part of an accumulated batch; here it is the whole step. The learning rate goes on.

    What is looked at is the norm of the gradient that the optimiser would use: the sum over the
    parts of the batch, and under several processes the mean over them, which all have alike, so
    all skip the same steps without asking each other. Under fp16 the scaler skips by itself: it
    tries larger scales now and then, and a gradient that overflows is its signal to go back. Such
    steps are counted apart, until the scale is below 1 and so cannot be what is wrong.

    Args:
        what: what is being trained, for messages.
        share: share of the steps that may be skipped.
    """

    def __init__(self, what: str, share: float) -> None:
        self.what, self.share = what, share
        self.skipped = 0
        """Steps that were skipped."""
        self.overflowed = 0
        """Steps that the scaler of fp16 skipped to find its scale."""

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """Take up the counts of the checkpoint, if there was one."""
        stored = state.stateful_callbacks.get(STORED_AS, {})
        self.skipped = stored.get("skipped", 0)
        self.overflowed = stored.get("overflowed", 0)

    def on_pre_optimizer_step(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        model: nn.Module,
        optimizer: Any,
        **_: Any,
    ) -> None:
        """Take the gradients away if they are not finite; NotFiniteError if that is too often."""
        parameters = [p for p in model.parameters() if p.grad is not None]
        norm = torch.nn.utils.get_total_norm([p.grad for p in parameters if p.grad is not None])
        if math.isfinite(norm):
            return
        scaler = getattr(optimizer, "scaler", None)
        if scaler is not None and scaler.get_scale() >= 1:
            self.overflowed += 1
        else:
            self.skipped += 1
            log.warning(
                "%s: step %d is skipped: its gradient is not a finite number",
                self.what,
                state.global_step + 1,
            )
        if scaler is None:
            for parameter in parameters:
                parameter.grad = None
        state.stateful_callbacks[STORED_AS] = {
            "skipped": self.skipped,
            "overflowed": self.overflowed,
        }
        if self.skipped > self.share * state.max_steps:
            raise NotFiniteError(
                f"{self.what}: the gradient was not a finite number at {self.skipped} of "
                f"{state.max_steps} steps, at last at step {state.global_step + 1}: more than "
                f"max_skipped {self.share:g} allows; lower learning_rate or use precision fp32"
            )

    @property
    def count(self) -> int:
        """Steps that were not made, whoever skipped them."""
        return self.skipped + self.overflowed

    def facts(self) -> dict[str, int]:
        """Return the counts for a manifest."""
        overflowed = {"overflowed_steps": self.overflowed} if self.overflowed else {}
        return {"skipped_steps": self.skipped, **overflowed}
