"""What pre-training and fine-tuning share: trainer arguments, exact resume, progress and logs."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import torch
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from starbench.config.amounts import CHECKPOINTS_KEPT
from starbench.config.training import Training, warmup_steps
from starbench.draws import key_of
from starbench.errors import InputError
from starbench.machine.disk import naming
from starbench.machine.processes import processes, rank
from starbench.machine.progress import Progress
from starbench.store.train_log import LOG_FILE, forget_after
from starbench.training.checkpoints import CHECKPOINTS
from starbench.training.skipping import SkipNotFinite

SCHEDULERS = {"linear": "linear", "cosine": "cosine", "constant": "constant_with_warmup"}


def trainer_arguments(training: Training, folder: Path, steps: int, seed: int) -> dict[str, Any]:
    """Return the keyword arguments of (any kind of) TrainingArguments for `steps` steps.

    Checkpoints go to ``folder/checkpoints``, which stays when a job dies and goes when it ends.
    """
    parts = training.accumulation * processes()
    if training.batch_size % parts:
        raise InputError(
            f"batch_size {training.batch_size} is not a multiple of accumulation "
            f"{training.accumulation} x {processes()} processes"
        )
    if "tensorboard" in training.log_to:  # beside the model: the checkpoints' folder is removed
        os.environ["TENSORBOARD_LOGGING_DIR"] = str(folder / "tensorboard")
    on_gpu = torch.cuda.is_available()
    if training.precision == "fp16" and not on_gpu:
        raise InputError("precision fp16 needs a GPU; use bf16 or fp32 on a processor")
    return {
        "output_dir": str(folder / CHECKPOINTS),
        "max_steps": steps,
        "per_device_train_batch_size": training.batch_size // parts,
        "gradient_accumulation_steps": training.accumulation,
        "learning_rate": training.learning_rate,
        "lr_scheduler_type": SCHEDULERS[training.schedule],
        "warmup_steps": warmup_steps(training, steps),
        "weight_decay": training.weight_decay,
        "max_grad_norm": training.max_grad_norm,
        "bf16": training.precision == "bf16",
        "fp16": training.precision == "fp16",
        "activation_checkpointing": training.gradient_checkpointing,
        "use_cpu": not on_gpu,
        "ddp_backend": None if on_gpu or processes() == 1 else "gloo",
        "dataloader_pin_memory": on_gpu,
        "dataloader_num_workers": training.workers,
        "save_strategy": "steps",
        "save_steps": training.checkpoint_every,
        "save_total_limit": CHECKPOINTS_KEPT,
        "logging_strategy": "steps",
        "logging_steps": min(training.log_every, steps),
        "logging_nan_inf_filter": False,  # else a loss that is not a number is logged as 0
        "report_to": training.log_to or "none",
        "disable_tqdm": True,
        "seed": seed,
    }


class StepSeed(TrainerCallback):  # type: ignore[misc]
    """Makes dropout a pure function of (seed, step): a resumed run equals an uninterrupted one.

    The Trainer itself restores the generator only after it has fetched the first batches.
    """

    def __init__(self, *parts: int | str) -> None:
        self.parts = parts

    def on_step_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """Seed torch's generators for the step about to run; each process draws its own."""
        who = [rank()] if rank() else []
        torch.manual_seed(key_of(*self.parts, "dropout", state.global_step, *who) % 2**63)


class TrainLog(TrainerCallback):  # type: ignore[misc]
    """Shows progress and keeps ``train_log.jsonl``.

    Where a step was skipped since the last line, the loss may be none; the line has the number of
    skipped steps beside it. A loss that is none otherwise is not logged: `StepLosses` ends the
    training.
    """

    def __init__(self, what: str, folder: Path, skips: SkipNotFinite) -> None:
        self.what, self.path, self.skips = what, folder / LOG_FILE, skips
        self.progress: Progress | None = None
        self.loss = ""

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """Start counting, from the checkpoint's step if there was one."""
        if state.is_world_process_zero:
            self.progress = Progress(self.what, state.max_steps, "steps", state.global_step)
            forget_after(self.path, state.global_step)

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """Count one step."""
        if self.progress is not None:
            self.progress.step(note=self.loss)

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, Any] | None = None,
        **_: Any,
    ) -> None:
        """Keep one line of the log."""
        if logs is None or not state.is_world_process_zero:
            return
        if "loss" in logs:
            self.loss = f"loss {logs['loss']:.4f}"
        if self.skips.count:
            logs |= self.skips.facts()
        with naming(self.path), self.path.open("a", encoding="utf-8") as out:
            out.write(json.dumps({"step": state.global_step, **logs}) + "\n")
