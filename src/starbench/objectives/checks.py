"""What an objective gives for a step, or one line on what is wrong with it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from numbers import Real
from typing import Any

from starbench.errors import InputError, did_you_mean
from starbench.objectives.objective import Objective
from starbench.objectives.summands import AMONG, BY, OVER, Align, Regulariser, Step, Summand, Term
from starbench.sizes import Size


def summands_of(objective: Objective, step: Step) -> list[Summand]:
    """Return the summands of a step that have a weight.

    Raises:
        InputError: an objective that gives something else, or a summand that cannot be computed.
    """
    try:
        given = objective.terms(step)
    except InputError:
        raise
    except Exception as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        raise _error(objective, f"terms failed at step {step.number}: {reason}") from error
    if not isinstance(given, Sequence):
        raise _error(objective, f"terms gave {type(given).__name__}, needed is a list of summands")
    for summand in given:
        _check(objective, summand, step.full)
    found = [summand for summand in given if summand.weight]
    if not found:
        raise _error(objective, f"nothing to train at step {step.number}: no summand has a weight")
    return found


def _error(objective: Objective, text: str) -> InputError:
    return InputError(f"objective '{objective.name}': {text}")


def _check(objective: Objective, summand: Any, full: Size) -> None:
    if not isinstance(summand, Term | Align | Regulariser):
        name = type(summand).__name__
        raise _error(objective, f"{name} among its terms, not a Term, an Align or a Regulariser")
    if not isinstance(summand.weight, Real) or not math.isfinite(summand.weight):
        raise _error(
            objective, f"the weight of {summand} is {summand.weight!r}, not a finite number"
        )
    problem = _beyond(summand, full) or _option(summand)
    if problem:
        raise _error(objective, f"{summand}: {problem}")


def _beyond(summand: Summand, full: Size) -> str | None:
    for size in summand.reads:
        if size.layers > full.layers or size.dim > full.dim:
            return f"{size} is beyond the model, of {full.layers} layers and {full.dim} dimensions"
    return None if summand.reads else "it has no sizes"


def _option(summand: Summand) -> str | None:
    """Return what is wrong with a summand's options, if something is."""
    if isinstance(summand, Term):
        return _unknown("among", summand.among, AMONG)
    unknown = _unknown("over", summand.over, OVER)
    if unknown or isinstance(summand, Regulariser):
        return unknown
    return (
        (None if callable(summand.by) else _unknown("by", summand.by, BY))
        or _dims(summand)
        or _temperature(summand)
    )


def _unknown(key: str, value: Any, valid: Sequence[str]) -> str | None:
    if value in valid:
        return None
    return f"{key} '{value}' is none of {', '.join(valid)}{did_you_mean(str(value), valid)}"


def _dims(align: Align) -> str | None:
    if align.dims is None:
        return None
    if align.over == "scores":
        return "dims are compared over dims or vectors, not over scores"
    both = min(align.student.dim, align.teacher.dim)
    if not 1 <= align.dims <= both:
        return f"dims {align.dims} are compared, but both sizes have {both}"
    return None


def _temperature(align: Align) -> str | None:
    if not 0 < align.temperature < math.inf:
        return f"the temperature is {align.temperature}, needed is a number above 0"
    if align.by != "kl" and align.temperature != 1:
        return "a temperature is for by 'kl'"
    return None
