"""Devices: how fast a GPU or a processor core does each kind of work, assumed or measured."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from itertools import pairwise
from math import exp, log
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import yaml
from pydantic import Field, ValidationError

from starbench.config.messages import told_problem
from starbench.config.names import Precision
from starbench.config.yaml_text import lines_of, not_yaml
from starbench.errors import InputError, did_you_mean
from starbench.planning.listed import listed_devices
from starbench.section import Section
from starbench.tracks import TRACKS

Work = Literal["training", "embedding", "search"]
if TYPE_CHECKING:
    Start = str
else:
    Start = Literal[("data", "pretrain", "finetune", "embed", *TRACKS, "report")]

WIDTH = 768
"""Width of the encoders that assumed shares of the peak are for; narrower ones reach less."""


class Host(Section):
    """What a job's processor and disk do, on whatever device its matrix products run."""

    start_s: dict[Start, float] = Field(description="Seconds until a job of a stage works.")
    tokens_per_s: float = Field(gt=0, description="Tokens that one core makes of text.")
    ranked_per_s: float = Field(gt=0, description="Ranked passages that one core measures.")
    resampled_per_s: float = Field(gt=0, description="Pairs of a bootstrap, in one core.")
    bm25_scores_per_s: float = Field(gt=0, description="Passages that BM25 scores in one core.")
    sts_cell_s: float = Field(gt=0, description="MTEB's evaluation of a dataset at one size.")
    read_bytes_per_s: float = Field(gt=0, description="Reading embeddings.")
    write_bytes_per_s: float = Field(gt=0, description="Writing data and embeddings.")
    network_bytes_per_s: float = Field(gt=0, description="Fetching data.")
    records_per_s: float = Field(gt=0, description="Records that are checked and written.")
    figure_s: float = Field(gt=0, description="Drawing one table or figure.")

    def start_of(self, track: str) -> float:
        """Return the seconds until a job scores; of a track that was not measured, the most."""
        return self.start_s.get(track, max(self.start_s.values()))


class Device(Section):
    """One GPU, or one core of a processor."""

    name: str = Field(description="What it is.")
    kind: Literal["gpu", "cpu"] = Field(description="A whole GPU, or one core of a processor.")
    source: str = Field(description="Where the rates are from, and what is assumed.")
    memory_gb: float | None = Field(default=None, description="Memory of a GPU in GB (10^9).")
    cores: int = Field(default=1, ge=1, description="Cores of the processor.")
    peak: dict[Precision, float] = Field(
        default_factory=dict, description="Operations a second at most, by precision."
    )
    share: dict[Work, float] = Field(
        default_factory=dict, description="Share of the peak that work reaches at width 768."
    )
    narrow: float = Field(
        default=1.0, ge=0, description="How the share falls with the width below 768: its power."
    )
    measured: dict[Work, dict[Precision, dict[int, float]]] = Field(
        default_factory=dict, description="Operations a second by precision and width."
    )
    layer_call_s: float = Field(description="One layer's forward and backward calls, empty.")
    updates_per_s: float = Field(gt=0, description="Parameters that AdamW updates in a second.")
    scores_per_s: float = Field(gt=0, description="Scores that search compares in a second.")
    another_core: float = Field(
        default=0.0, ge=0, le=1, description="What each further core adds to one job."
    )
    host: Host = Field(description="The processor and disk beside it.")

    @property
    def torch_name(self) -> str:
        """What PyTorch calls such a device."""
        return "cuda" if self.kind == "gpu" else "cpu"

    def rate(self, work: Work, precision: Precision, width: int) -> float:
        """Return operations a second; InputError for a precision that the device has not."""
        if self.measured:
            rates = self.measured[work].get(precision)
            if rates:
                return _between(rates, width)
        elif precision in self.peak:
            return self.peak[precision] * self.share[work] * min(1.0, width / WIDTH) ** self.narrow
        if precision == "fp16" and self.kind == "cpu":
            raise InputError("precision fp16 needs a GPU; use bf16 or fp32 on a processor")
        raise InputError(f"device '{self.name}' has no rate for {work} in {precision}")

    def speed_up(self, cores: int) -> float:
        """Return how much faster one job is with so many cores of a processor."""
        return 1 + (cores - 1) * self.another_core


def _between(rates: Mapping[int, float], width: int) -> float:
    """Interpolate between the widths that were measured, both on logarithmic scales."""
    widths = sorted(rates)
    if width <= widths[0] or len(widths) == 1:
        return rates[widths[0]]
    for low, high in pairwise(widths):
        if width <= high:
            part = log(width / low) / log(high / low)
            return exp((1 - part) * log(rates[low]) + part * log(rates[high]))
    return rates[widths[-1]]


@cache
def shipped() -> dict[str, Device]:
    """Return the devices that ship with the package, by name."""
    hosts = listed_devices()["hosts"]
    return {
        name: Device.model_validate(given | {"host": hosts[given["host"]]})
        for name, given in listed_devices()["devices"].items()
    }


def device_named(name: str) -> Device:
    """Return a shipped device, or the one in a file that ``plan --calibrate`` wrote."""
    path = Path(name)
    if not path.is_file():
        if path.suffix or path.name != name:
            raise InputError(f"no device file {name}")
        if name not in shipped():
            raise InputError(f"no device '{name}'{did_you_mean(name, shipped())}")
        return shipped()[name]
    return _device_in(path)


def _device_in(path: Path) -> Device:
    try:
        text = path.read_bytes().decode("utf-8-sig")
        lines = lines_of(yaml.compose(text, Loader=yaml.SafeLoader))
        return Device.model_validate(yaml.safe_load(text))
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: no device file, not UTF-8 ({error.reason})") from None
    except yaml.MarkedYAMLError as error:
        raise InputError(not_yaml(error, str(path))) from None
    except (yaml.YAMLError, RecursionError) as error:
        raise InputError(f"{path}: not YAML: {' '.join(str(error).split())[:200]}") from None
    except ValidationError as error:
        location, wrong = told_problem(error.errors()[0])
        key = ".".join(map(str, location))
        line = f":{lines[location]}" if location in lines else ""
        raise InputError(
            f"{path}{line}: no device file: {key + ': ' if key else ''}{wrong}"
        ) from None
