"""The roofline: which share of the machine's own matrix-product rate our side reaches."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}
SIDE = {"cpu": 2048, "cuda": 8192}
"""Rows and columns of the product that the rate is measured with."""


def matrix_rate(precision: str, device: str) -> float:
    """Return the best rate of a square matrix product in FLOP/s, seen over half a second."""
    side = SIDE[device]
    left, right = torch.randn(2, side, side, device=device).to(DTYPES[precision])
    best = float("inf")
    end = time.perf_counter() + 0.5
    while time.perf_counter() < end:
        start = time.perf_counter()
        left @ right
        if device == "cuda":
            torch.cuda.synchronize()
        best = min(best, time.perf_counter() - start)
    return 2 * side**3 / best


def counted_flops(work: Callable[[], Any]) -> int:
    """Return the floating-point operations of some work's matrix products, counted by torch."""
    # torch counts addmm but not what adds in place.
    also = {torch.ops.aten.addmm_: _addmm_flops}
    with FlopCounterMode(display=False, custom_mapping=also) as counter:
        work()
    return int(counter.get_total_flops())


def _addmm_flops(
    total: Any, left: tuple[int, int], right: tuple[int, int], *_: Any, **__: Any
) -> int:
    return 2 * left[0] * left[1] * right[1]
