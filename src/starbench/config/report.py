"""The section on the report."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, create_model

from starbench.config.names import Name
from starbench.section import Section
from starbench.tracks import TRACKS
from starbench.tracks.track import Track


class _Report(Section):
    """What the tables mark, and what the run is compared with."""

    compared_system: Name | None = Field(
        default=None,
        description="System that all others are tested against; `starbucks` if the run has one of "
        "that name, else the last one.",
    )
    correction: Literal["none", "holm", "bonferroni"] = Field(
        default="holm",
        description="Correction over the systems that are tested at one size on one dataset.",
    )
    level: float = Field(
        default=0.05, gt=0, lt=1, description="Scores with a smaller p-value are marked."
    )
    resamples: int = Field(
        default=10_000,
        ge=100,
        le=1_000_000,
        description="Resamples of the bootstrap and the randomisation test.",
    )
    systems: list[Name] | None = Field(
        default=None,
        min_length=1,
        description="Systems that tables and figures show, in this order; all if not given.",
    )
    sizes: list[str] | None = Field(
        default=None,
        min_length=1,
        description="Trained sizes that tables and figures show, by name or as `layers/dim`; all "
        "if not given.",
    )
    published: Literal["claims", "numbers", "none"] = Field(
        default="claims",
        description="What of the paper the run is compared with: its `claims`; also its `numbers` "
        "(only for the paper's backbone and data: scores of the same system, size, dataset and "
        "metric, by name); or nothing.",
    )

    def test_of(self, track: str) -> str | None:
        """Return the test that marks the scores of a track; None for a track without tests."""
        test: str | None = getattr(self, f"{track}_test", None)
        return test


def _test_key(track: Track) -> tuple[Any, Any]:
    """Return type and field of the key that chooses a track's test."""
    which = ", or ".join(test.text for test in track.tests.values())
    default = next(iter(track.tests))
    text = f"Which test marks scores on {track.title}: {which}."
    return Literal[tuple(track.tests)], Field(default=default, description=text)


if TYPE_CHECKING:
    Report = _Report
else:
    # A key for each track of the registry.
    Report = create_model(
        "Report",
        __base__=_Report,
        __doc__=_Report.__doc__,
        **{f"{name}_test": _test_key(track) for name, track in TRACKS.items() if track.tests},
    )
