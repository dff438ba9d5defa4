"""The data source `micro`: a generated miniature English with known meanings.

Every row is a function of (seed, kind, row number) alone. Meanings are parted by a stable hash
of their core (action, agent, object): one fifth serves the graded `pairs`, the retrieval
`collection` and the test split of `labelled` only, the rest `triplets`, `training_queries` and the
training split of `labelled`; `texts` uses all. So no sentence pair of one part occurs in the other.
"""

from __future__ import annotations

from starbench.sources.miniature.documents import texts
from starbench.sources.miniature.labelled import LABEL_SETS, LABEL_SPLITS, labelled
from starbench.sources.miniature.records import PAIR_SETS, pairs, triplets
from starbench.sources.miniature.retrieval import collection, training_queries

__all__ = [
    "LABEL_SETS",
    "LABEL_SPLITS",
    "PAIR_SETS",
    "collection",
    "labelled",
    "pairs",
    "texts",
    "training_queries",
    "triplets",
]
