"""What is odd about a dataset's records: counted and warned of, or with `strict` an error."""

from __future__ import annotations

import logging
from collections import Counter, defaultdict

from starbench.errors import InputError

log = logging.getLogger(__name__)

MOST_NAMED = 3
"""How many places of one oddity are named."""

ODDITIES = {
    "blank_records": "records with a blank text are left out",
    "blank_pairs": "pairs have a blank text and are kept, as other benchmarks keep them",
    "blank_labelled": "labelled texts are blank and are kept, as other benchmarks keep them",
    "unusual_scores": "gold scores are below 0 or above 5, the scale of STS; they are kept",
    "blank_passages": "passages are blank and are kept",
    "blank_queries": "queries are blank and are kept",
    "blank_training_passages": "passages of training queries are blank and are left out",
    "repeated_passages": "passages appear again with the same id and text; one is kept",
    "repeated_queries": "queries appear again with the same id and text; one is kept",
    "spaces_in_ids": "ids have white space that is not ASCII in them, which TREC run files have "
    "percent-encoded",
    "repeated_judgements": "judgements appear again; one is kept",
    "changed_judgements": "judgements appear again with another relevance; the last one is kept, "
    "as ir_measures does",
    "unknown_passages": "judgements are of a passage that is not in the collection; they are kept "
    "and count as never found, as trec_eval counts them",
    "unknown_queries": "judgements are of a query that is not in the collection; they are left out",
    "queries_without_answers": "queries have judgements but nothing relevant; they are kept and "
    "count as 0",
    "right_negatives": "negatives that are right answers of their query are left out",
    "queries_without_positive": "queries without a positive are left out",
    "queries_without_negative": "queries without a negative are left out",
}
"""What each oddity says after its number."""


class Findings:
    """Counts the oddities of one dataset.

    Args:
        name: the dataset's name in the config.
        strict: whether the first oddity is an error.
    """

    def __init__(self, name: str, strict: bool = False) -> None:
        self.name, self.strict = name, strict
        self.counts: Counter[str] = Counter()
        self._places: dict[str, list[str]] = defaultdict(list)

    def add(self, oddity: str, place: str) -> None:
        """Count one oddity; InputError that names its place if the dataset is to have none."""
        if self.strict:
            raise InputError(f"dataset '{self.name}' is strict, but {place}: {ODDITIES[oddity]}")
        self.counts[oddity] += 1
        if len(self._places[oddity]) < MOST_NAMED:
            self._places[oddity].append(place)

    def warn(self) -> None:
        """Log a warning for each oddity: how many there are, and where the first ones are."""
        for oddity, count in self.counts.items():
            places = self._places[oddity]
            more = " ..." if count > len(places) else ""
            log.warning(
                "dataset %s: %d %s: %s%s",
                self.name,
                count,
                ODDITIES[oddity],
                ", ".join(places),
                more,
            )
