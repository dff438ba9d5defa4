"""The section on what is measured of sizes: time, memory and bytes on the machine at hand."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from starbench.config.names import Name, TrackName
from starbench.section import Section

Runtime = Literal["torch", "onnx", "onnx-int8"]
NumberBits = Literal[32, 16, 8, 1]
"""Bits of one number of a vector."""


class Measure(Section):
    """What sizes cost on the machine that measures them, into `costs.csv`."""

    systems: list[Name] | None = Field(
        default=None, min_length=1, description="Systems to measure; all if not given."
    )
    tracks: list[TrackName] | None = Field(
        default=None,
        min_length=1,
        description="Tracks whose models are measured; all if not given.",
    )
    datasets: list[Name] | None = Field(
        default=None,
        min_length=1,
        description="Scored datasets whose texts are timed, at their own lengths; the first one of "
        "each track if not given.",
    )
    runtimes: list[Runtime] = Field(
        default=["torch"],
        description="What runs the encoder: `torch`; ONNX Runtime, always on the processor, in "
        "float32 (`onnx`) or with weights of 8 bits (`onnx-int8`), which need the packages of "
        "`starbench[onnx]`. With an empty list no encoder is timed, everything else is told.",
    )
    threads: int = Field(default=1, ge=1, description="Processor threads of what is timed.")
    batch_sizes: list[Annotated[int, Field(ge=1, le=4096)]] = Field(
        default=[8, 32, 64],
        description="Texts of a batch where throughput is measured. Latency is that of one text.",
    )
    texts: int = Field(
        default=64, ge=1, le=10_000, description="Texts of each dataset that a round goes through."
    )
    rounds: int = Field(
        default=5,
        ge=3,
        le=1000,
        description="Rounds over all sizes in turn, after one that does not count; told are the "
        "median and the quartiles of the rounds.",
    )
    bits: list[NumberBits] = Field(
        default=[32, 16, 8, 1],
        min_length=1,
        description="Bits of a stored number: how many bytes vectors and indexes take with each.",
    )
