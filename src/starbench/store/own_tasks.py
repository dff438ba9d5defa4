"""MTEB's task classes on data of one's own: a type of task, and nothing else of MTEB's registry."""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mteb.abstasks.abstask import AbsTask

LOCAL = "local"
"""The revision of data that are not those of MTEB."""


@dataclass(frozen=True)
class OwnType:
    """A type of task."""

    base: str
    """MTEB's class, ``module:class``."""
    main_score: str
    category: str = "t2t"
    """MTEB's: text to text, or to a category."""
    changes: dict[str, Any] = field(default_factory=dict, hash=False)
    """Attributes of the class that are other than MTEB's."""


_RETRIEVAL = "mteb.abstasks.retrieval:AbsTaskRetrieval"
TYPES = {
    "Classification": OwnType(
        "mteb.abstasks.classification:AbsTaskClassification", "accuracy", "t2c"
    ),
    "Clustering": OwnType(
        "mteb.abstasks.clustering:AbsTaskClustering",
        "v_measure",
        "t2c",
        # MTEB's classes choose how many texts are enough for their data; the default is 4 %.
        {"max_fraction_of_documents_to_embed": None},
    ),
    "PairClassification": OwnType(
        "mteb.abstasks.pair_classification:AbsTaskPairClassification", "max_ap"
    ),
    "Reranking": OwnType(_RETRIEVAL, "map_at_1000"),
    "Retrieval": OwnType(_RETRIEVAL, "ndcg_at_10"),
    "STS": OwnType("mteb.abstasks.sts:AbsTaskSTS", "cosine_spearman"),
}
"""What can be done with data of one's own, by MTEB's name of the type."""


def own_task(kind: str, name: str, split: str) -> AbsTask:
    """Return a task of MTEB's class for a type, called `name` and without data."""
    from mteb.abstasks.task_metadata import TaskMetadata

    declared = TYPES[kind]
    module, _, base = declared.base.partition(":")
    metadata = TaskMetadata(
        name=name,
        dataset={"path": name, "revision": LOCAL},
        description=name,
        type=kind,
        category=declared.category,
        modalities=["text"],
        eval_splits=[split],
        eval_langs=["eng-Latn"],
        main_score=declared.main_score,
    )
    attributes = {"metadata": metadata, **declared.changes}
    made: AbsTask = type("OwnTask", (getattr(import_module(module), base),), attributes)()
    return made
