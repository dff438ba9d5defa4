"""What all checks of a config across sections share: the error, names that must be known."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from starbench.errors import did_you_mean

if TYPE_CHECKING:
    from starbench.config.config import Config
    from starbench.config.training import Training


class ConfigMismatchError(Exception):
    """A config whose parts do not fit together, with the key to blame."""

    def __init__(self, location: tuple[str | int, ...], text: str) -> None:
        super().__init__(text)
        self.location, self.text = location, text


def known(name: str, valid: Collection[str], at: tuple[str | int, ...], what: str) -> None:
    """Raise ConfigMismatchError for a name that is not among the valid ones."""
    if name not in valid:
        raise ConfigMismatchError(at, f"no {what} '{name}'{did_you_mean(name, valid)}")


def of_kind(config: Config, dataset: str, kinds: Sequence[str], at: tuple[str | int, ...]) -> None:
    """Raise ConfigMismatchError for a dataset of another kind."""
    found = config.datasets[dataset].kind
    if found not in kinds:
        needed = " or ".join(kinds)
        raise ConfigMismatchError(at, f"dataset '{dataset}' is of kind {found}, needed is {needed}")


def check_length(training: Training, at: tuple[str | int, ...]) -> None:
    """Raise ConfigMismatchError for a training without exactly one of `steps` and `epochs`."""
    if (training.steps is None) == (training.epochs is None):
        both = ("epochs",) if training.epochs is not None else ()
        raise ConfigMismatchError((*at, *both), "give exactly one of `steps` and `epochs`")
    if training.batch_size % training.accumulation:
        raise ConfigMismatchError(
            (*at, "accumulation"),
            f"batch_size {training.batch_size} is not a multiple of {training.accumulation}",
        )
