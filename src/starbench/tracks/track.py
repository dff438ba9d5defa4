"""What a track is: what its models are trained for and scored on, declared in one place."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from starbench.sources.source import Kind, Source


@dataclass(frozen=True)
class GroupOfDatasets:
    """Datasets of a track that tables and figures show together."""

    name: str
    """Name of its files."""
    title: str
    short: str
    """What its columns are called where a table has other groups' too."""
    keys: tuple[str, ...]
    """The keys of the track's section that list them: `tasks`, `out_of_domain`."""
    in_domain: bool = True
    """Whether a table with the groups of several tracks has it."""
    average: str | None = None
    """What the published tables call its average."""


@dataclass(frozen=True)
class Test:
    """A test of significance."""

    title: str
    """What tables call it."""
    text: str
    """What it is, for the page of config keys."""


@dataclass(frozen=True)
class Track:
    """A track; what needs heavy libraries is named as ``module:function``.

    A new track is a file in `starbench.tracks` with a `TRACK`, and the module of its scorer; or an
    entry point of another package (`starbench.tracks`).
    """

    name: str
    title: str
    """What its models are for, after "on": ``semantic similarity``."""
    trains: tuple[Kind, ...]
    """Kinds of dataset that its models may be trained on."""
    scores: Kind
    """Kind of dataset that they are scored on."""
    embeds: tuple[str, ...]
    """Sets of texts of such a dataset: `pairs`; or `queries` and `passages`; or `texts`, and the
    `examples` that these are classified by; or `task`, all that a task of MTEB embeds."""
    metric: Callable[[Source], str]
    """The measure that is shown of a dataset."""
    groups: tuple[GroupOfDatasets, ...]
    tests: Mapping[str, Test]
    """Tests of significance by the name that the config uses; the first one is the default. None
    where its scores are not means over queries or pairs that could be compared."""
    scorer: str
    """Scores a model on a dataset: (`starbench.stages.evaluate.task.Task`) -> `Scored`."""
    comparison: str | None = None
    """Compares systems on a dataset: see `starbench.stages.evaluate.entries.Comparison`; None for a
    track without tests."""
    cost: str | None = None
    """What scoring costs: (`starbench.planning.costs.Costs`, model) -> `Cost`; None: as much as
    the scoring of pairs or of collections."""
    bits_scorer: str | None = None
    """Scores a model with fewer bits a number: (`starbench.stages.evaluate.task.Task`) ->
    `Scored`; None where the track has no key `bits`."""
    asymmetric_scorer: str | None = None
    """Scores queries of other layers than the passages, likewise; for the key `asymmetric`."""
    mteb_type: str | None = None
    """What MTEB calls this type of task, which models may have prompts for."""
    keys: frozenset[str] = frozenset()
    """Keys of its section that other tracks do not have: `search`, `measures`."""
    exits: bool = False
    """Whether its scorer also writes what it takes if each text leaves at the first size that is
    confident enough (``exits.csv``)."""

    @property
    def published(self) -> bool:
        """Whether the paper has its tables."""
        return any(group.average is not None for group in self.groups)

    @property
    def searches(self) -> bool:
        """Whether passages are searched for queries."""
        return "passages" in self.embeds


def named(function: str) -> Any:
    """Return the function that ``module:function`` names, importing its module."""
    module, _, name = function.partition(":")
    return getattr(import_module(module), name)
