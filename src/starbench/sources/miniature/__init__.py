"""The data source `micro`: a generated miniature English with known meanings.

Every row is a function of (seed, kind, row number) alone. Meanings are parted by a stable hash
of their core (action, agent, object): one fifth serves the graded `pairs` and the retrieval
`collection` only, the rest `triplets` and `training_queries`; `texts` uses all. So no sentence
pair of one part occurs in the other.
"""

from __future__ import annotations

from starbench.sources.miniature.documents import texts
from starbench.sources.miniature.records import PAIR_SETS, pairs, triplets
from starbench.sources.miniature.retrieval import collection, training_queries

__all__ = ["PAIR_SETS", "collection", "pairs", "texts", "training_queries", "triplets"]
