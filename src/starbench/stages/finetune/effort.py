"""What a training took: its steps, and the multiply-adds of each."""

from __future__ import annotations

from starbench.machine.processes import processes
from starbench.stages.finetune.layered_loss import LayeredLoss


def effort_of(loss: LayeredLoss, accumulation: int, frozen: bool) -> dict[str, int]:
    """Return how many steps this process ran, and the multiply-adds of a step of all processes.

    A training that was interrupted has run its first steps in another process.

    Args:
        loss: what the steps called.
        accumulation: its calls in a step.
        frozen: whether heads are all that is trained.
    """
    guide = getattr(loss.loss, "guide", None)
    beside = [other.encoder for other in (guide, loss.teacher) if other is not None]
    a_call = loss.read.multiply_adds(loss.model, beside, frozen)
    return {
        "loop_steps": loss.read.calls // accumulation,
        "step_multiply_adds": round(a_call * accumulation * processes()),
    }
