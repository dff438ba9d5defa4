"""Pre-training objectives: which sizes a step trains, on which loss, from which masked texts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from starbench.sizes import Size


@dataclass(frozen=True)
class PretrainingObjective:
    """A pre-training loss at the sizes that it trains, and the examples that it reads.

    `loss` and `examples` name functions as ``module:function``: they are imported when a training
    begins, so that a config can be read without PyTorch.
    """

    name: str
    text: str
    """What it is, for the page of config keys."""
    all_sizes: bool
    """Whether every trained size has a loss, or the full one alone."""
    autoencoder: bool
    """Whether a decoder reads the embedding: the key `decoder_mask_rate` is for these."""
    loss: str = "starbench.stages.pretrain.model:mlm"
    """A function of (masked_lm, sizes, settings) that returns a module with the attributes
    `masked_lm`, `sizes` and `decoder` (None without one). Called with a batch it returns {"loss":
    a scalar, and each term that is logged: (sizes,)}."""
    examples: str = "starbench.stages.pretrain.masking:masked_example"
    """A function of (ids, words, settings, vocabulary, draw) that returns the arrays of one text:
    {name: (tokens,) or (tokens, tokens)}."""
    decodes_all: bool = False
    """Whether the decoder predicts every token rather than the masked ones; for plans."""
    bag_of_words: bool = False
    """Whether every token has vocabulary scores besides; for plans."""

    def sizes(self, trained: Sequence[Size], full: Size) -> list[Size]:
        """Return the sizes whose losses are averaged, ascending."""
        return list(trained) if self.all_sizes else [full]
