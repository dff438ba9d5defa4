"""Pre-training objectives: which sizes a step trains and whether each has an auto-encoder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from starbench.sizes import Size


@dataclass(frozen=True)
class PretrainingObjective:
    """A setting of the one pre-training loss (`starbench.stages.pretrain.model`).

    loss = mean over the sizes of MLM (all_sizes: every trained size, else the full one only);
    with `autoencoder`, each size's summand is (MLM + MAE) / 2 (Starbucks, section 3.2).
    """

    name: str
    text: str
    """What it is, for the page of config keys."""
    all_sizes: bool
    autoencoder: bool

    def sizes(self, trained: Sequence[Size], full: Size) -> list[Size]:
        """Return the sizes whose losses are averaged, ascending."""
        return list(trained) if self.all_sizes else [full]
