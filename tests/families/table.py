"""The table family by property: the largest difference, or that the family is refused."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch

from starbench.encoders.cutting import cut_to_depth
from starbench.encoders.families import FAMILIES
from starbench.encoders.onnx_model import FAMILIES as ONNX
from starbench.errors import InputError
from starbench.stages.pretrain.model import PretrainingModel
from tests.families import measuring, models

POOLINGS = ("mean", "cls", "lasttoken")
REFUSED = "refused"


@dataclass(frozen=True)
class Property:
    """A column of the table."""

    title: str
    measured: Callable[[str], float | str]
    """The largest difference of a family, or `REFUSED`."""
    tolerance: float


def _cut(family: str) -> float | str:
    if family not in models.REFUSED:
        return measuring.cut_and_reloaded(family)
    return _refused(family, lambda: cut_to_depth(models.encoder(family), 2))


def _padded(side: str) -> Callable[[str], float | str]:
    def measured(family: str) -> float | str:
        if family in models.REFUSED:
            return _training_refused(family)
        return max(measuring.padded(family, side, pooling) for pooling in POOLINGS)

    return measured


def _trained(family: str) -> float | str:
    if family in models.REFUSED:
        return _training_refused(family)
    sides = [measuring.trained(family, side) for side in ("left", "right")]
    left, right = (torch.tensor(losses) for losses in sides)
    assert left.isfinite().all()
    assert left[-1] < left[0]
    return float((left - right).abs().max())


def _pretrained(autoencoder: bool) -> Callable[[str], float | str]:
    def measured(family: str) -> float | str:
        if family in FAMILIES and FAMILIES[family].head is not None:
            return measuring.pretrained(family, autoencoder)
        encoder = models.encoder(family)
        return _refused(family, lambda: PretrainingModel(encoder, measuring.SIZES, autoencoder))

    return measured


def _exported(family: str) -> float | str:
    if family not in models.REFUSED:
        return measuring.exported(family)
    return _refused(family, lambda: measuring.exported(family))


def _onnx(family: str) -> float | str:
    if family in ONNX:
        return measuring.onnx(family)
    return _refused(family, lambda: measuring.onnx(family))


def _planned(family: str) -> float | str:
    if family not in models.REFUSED:
        return float(measuring.planned_parameters(family))
    return _refused(family, lambda: measuring.planned_parameters(family))


def _training_refused(family: str) -> str:
    return _refused(family, lambda: measuring.starbucks_loss(family))


def _refused(family: str, work: Callable[[], object]) -> str:
    """Return `REFUSED` if the work ends with an error of one line that names the family."""
    try:
        work()
    except InputError as error:
        assert f"'{family}'" in str(error), error
        assert "\n" not in str(error)
        return REFUSED
    raise AssertionError(f"{family} is not refused")


PROPERTIES = (
    Property("one pass = cut, saved, loaded", _cut, 1e-6),
    Property("left padding = none", _padded("left"), 1e-5),
    Property("right padding = none", _padded("right"), 1e-5),
    Property("training: left = right", _trained, 0.0),
    Property("mlm = plain", _pretrained(False), 1e-5),
    Property("smae = plain", _pretrained(True), 1e-5),
    Property("exported, reloaded = one pass", _exported, 1e-6),
    Property("1 - cosine of ONNX", _onnx, 1e-6),
    Property("planned parameters", _planned, 0.0),
)


def in_markdown(families: Iterable[str]) -> str:
    """Return the table of some families; it takes about ten seconds each."""
    titles = ["family", *(column.title for column in PROPERTIES)]
    lines = ["| " + " | ".join(titles) + " |", "|---" * len(titles) + "|"]
    for family in families:
        cells = [_told(column.measured(family)) for column in PROPERTIES]
        lines.append("| " + " | ".join([family, *cells]) + " |")
    return "\n".join(lines)


def _told(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:.0e}" if value else "0"
