"""The section on what is exported of a run: sizes of its models as small models of their own."""

from __future__ import annotations

from pydantic import Field

from starbench.config.names import Name, Stored, TrackName
from starbench.section import Section


class Export(Section):
    """What `snakemake export` makes, and in which formats."""

    systems: list[Name] | None = Field(
        default=None,
        min_length=1,
        description="Systems to export; the one that all others are tested against if not given "
        "(`report.compared_system`).",
    )
    sizes: list[str] | None = Field(
        default=None,
        min_length=1,
        description="Trained sizes to export, by name or as `layers/dim`; all if not given.",
    )
    tracks: list[TrackName] | None = Field(
        default=None,
        min_length=1,
        description="Tracks whose models are exported; all if not given.",
    )
    seeds: list[int] | None = Field(
        default=None,
        min_length=1,
        description="Seeds whose models are exported; the first one if not given.",
    )
    weights: Stored = Field(
        default="float32",
        description="How weights are stored. `float16` halves the folder; the model is loaded and "
        "computed in float32, and its card says how far its vectors are from the unrounded ones.",
    )
    onnx: bool = Field(
        default=True,
        description="Also as ONNX (`onnx/model.onnx`), for the families of encoders that it is "
        "tested with; needs the packages of `starbench[onnx]`.",
    )
    int8: bool = Field(
        default=True,
        description="Also as ONNX with 8-bit weights (`onnx/model_int8.onnx`); needs `onnx: true`.",
    )
