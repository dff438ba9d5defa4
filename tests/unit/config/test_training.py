"""What a training's keys come to: whole steps."""

import pytest
from transformers import TrainingArguments

from starbench.config.training import Finetuning, warmup_steps


@pytest.mark.parametrize("share", [0.0, 0.05, 0.1, 1 / 3, 1.0])
@pytest.mark.parametrize("steps", [1, 7, 12, 75, 9396])
def test_the_warm_up_is_rounded_as_transformers_does(share, steps):
    settings = Finetuning(dataset="d", batch_size=1, steps=steps, learning_rate=1, warmup=share)
    theirs = TrainingArguments(warmup_steps=share, use_cpu=True).get_warmup_steps(steps)
    if share < 1:  # from 1 on their number is one of steps
        assert warmup_steps(settings, steps) == theirs
    nearest = settings.model_copy(update={"warmup_rounding": "nearest"})
    assert abs(warmup_steps(nearest, steps) - share * steps) <= 0.5
