"""The texts that are timed: a sample of what the run scores, with their prompts and lengths."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle, islice

import numpy as np
from sentence_transformers import SentenceTransformer

from starbench.config.config import Config
from starbench.errors import InputError
from starbench.run.costs import measuring_of, timed_sets
from starbench.run.models import Model
from starbench.run.paths import RunPaths
from starbench.run.prompts import ROLES, prompt_for
from starbench.run.slices import text_set_slice
from starbench.run.texts import TextSet


@dataclass(frozen=True)
class Sample:
    """Texts of one set, evenly spaced from its first to its last."""

    dataset: str
    part: str
    """`pairs`, `queries` or `passages`."""
    texts: list[str]
    """With their prompt."""
    max_length: int | None
    """Tokens that a text is cut to; None: what the model says."""

    def longest_first(self, count: int) -> list[str]:
        """Return `count` texts in the order of encoding many, again from the first if too few."""
        return sorted(islice(cycle(self.texts), count), key=len, reverse=True)


def samples(
    config: Config, paths: RunPaths, model: Model, whole: SentenceTransformer
) -> Iterator[Sample]:
    """Yield the sample of every set of texts that is timed.

    Raises InputError for a dataset that is not fetched, or holds no text with a letter in it.
    """
    own = dict(whole.prompts), whole.default_prompt_name
    for texts in timed_sets(config, model.track):
        found = texts.open(paths).spread(measuring_of(config).texts)
        if not any(text.strip() for text in found):
            raise InputError(
                f"dataset '{texts.dataset}' has no {texts.part} to take lengths of: name another "
                "one in measure.datasets"
            )
        prompt = prompt_for(config, model, own, texts.dataset, ROLES[texts.part])
        longest = _longest(config, model, texts)
        yield Sample(texts.dataset, texts.part, [prompt + text for text in found], longest)


def _longest(config: Config, model: Model, texts: TextSet) -> int | None:
    part = text_set_slice(config, model, texts.dataset, texts.part)
    longest: int | None = part["query_max_length" if texts.part == "queries" else "max_length"]
    return longest


def lengths(model: SentenceTransformer, texts: Sequence[str]) -> np.ndarray:
    """Return how many tokens a model reads of each text, special ones included (texts,)."""
    return np.array(
        [int(model.preprocess([text])["attention_mask"].sum()) for text in texts], dtype=float
    )
