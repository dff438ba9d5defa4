"""Trainings on the tiny checkpoint whose loss or gradient is not a finite number at some steps."""

from collections import defaultdict

import torch
from transformers import TrainerCallback

from starbench.machine.processes import rank
from tests.unit.runs import tiny_config, tiny_value

LAST = 10
CHANGED = 4
"""The step, from 0, whose gradient is spoilt."""


class Watch(TrainerCallback):
    """Keeps the weights after each step; ends the process's work after one, as a kill would.

    Args:
        stop: the step, from 1.
        saved: whether its checkpoint is written before.
    """

    def __init__(self, stop=None, saved=False):
        self.stop, self.saved, self.weights = stop, saved, {}

    def on_step_end(self, args, state, control, model, **_):
        self.weights[state.global_step] = [p.detach().clone() for p in model.parameters()]
        if state.global_step == self.stop and not self.saved:
            raise KeyboardInterrupt

    def on_save(self, args, state, control, **_):
        if state.global_step == self.stop and self.saved:
            raise KeyboardInterrupt


def spoilt(trainer, steps, kind="gradient", part=None, on_rank=None):
    """A trainer with NaN in the gradient of one weight, or in the loss, at some steps.

    Its `losses` are what each part of a step, counted from 0, gave.

    Args:
        trainer: the class to change.
        steps: the steps, from 0.
        kind: `gradient`; `loss`, so that no gradient is finite; or `value`, the loss alone.
        part: of an accumulated batch the part that is spoilt; None for all.
        on_rank: the process that is spoilt; None for all.
    """

    seen = defaultdict(list)

    class Spoilt(trainer):
        calls = 0

        def _now(self):
            step = self.state.global_step
            mine = on_rank is None or on_rank == rank()
            wanted = part is None or self.calls % self.args.gradient_accumulation_steps == part
            return step in steps and mine and wanted

        def compute_loss(self, model, inputs, return_outputs=False, **options):
            result = super().compute_loss(model, inputs, return_outputs, **options)
            if kind == "loss" and self._now():
                return result * float("nan")
            if kind == "value" and self._now():
                return result + float("nan")
            return result

        def training_step(self, model, *args, **options):
            loss = super().training_step(model, *args, **options)
            if kind == "gradient" and self._now():
                gradients = [p.grad for p in model.parameters() if p.grad is not None]
                gradients[-1].view(-1)[0] = float("nan")
            seen[self.state.global_step].append(float(loss))
            self.calls += 1
            return loss

    Spoilt.losses = seen
    return Spoilt


def config_of(checkpoint, **settings):
    training = {"batch_size": 8, "steps": LAST, "learning_rate": 1.0e-3, "checkpoint_every": 2}
    training |= {"log_every": 2, "max_skipped": 0.1} | settings
    value = tiny_value(
        datasets={"stories": {"kind": "text", "source": "micro", "rows": 60}},
        backbones={
            "tiny": {"checkpoint": {"name": str(checkpoint)}},
            "made": {
                "start": "tiny",
                "pretraining": {
                    "objective": "smae",
                    "datasets": ["stories"],
                    "max_length": 24,
                    **training,
                },
            },
        },
        systems={
            "tiny-srl": {"backbone": "tiny", "objective": "srl"},
            "starbucks": {"backbone": "made", "objective": "srl"},
        },
    )
    value["tracks"]["sts"]["finetuning"] |= training
    return tiny_config(**value)


def same(weights, others):
    return all(torch.equal(one, two) for one, two in zip(weights, others, strict=True))


def weights_file(folder):
    (found,) = (
        path for path in folder.rglob("model.safetensors") if "checkpoints" not in str(path)
    )
    return found
