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

    mteb_type: str
    base: str
    """MTEB's class, ``module:class``."""
    main_score: str
    columns: tuple[str, ...] = ()
    """The columns of its records as MTEB's class calls them."""
    changes: dict[str, Any] = field(default_factory=dict, hash=False)
    """Attributes of the class that are other than MTEB's."""


_RETRIEVAL = "mteb.abstasks.retrieval:AbsTaskRetrieval"
TYPES = {
    "classification": OwnType(
        "Classification",
        "mteb.abstasks.classification:AbsTaskClassification",
        "accuracy",
        ("text", "label"),
    ),
    "clustering": OwnType(
        "Clustering",
        "mteb.abstasks.clustering:AbsTaskClustering",
        "v_measure",
        ("sentences", "labels"),
        # MTEB's classes choose how many texts are enough for their data; the default is 4 %.
        {"max_fraction_of_documents_to_embed": None},
    ),
    "pair-classification": OwnType(
        "PairClassification",
        "mteb.abstasks.pair_classification:AbsTaskPairClassification",
        "max_ap",
        ("sentence1", "sentence2", "labels"),
    ),
    "reranking": OwnType("Reranking", _RETRIEVAL, "map_at_1000"),
    "retrieval": OwnType("Retrieval", _RETRIEVAL, "ndcg_at_10"),
    "sts": OwnType(
        "STS",
        "mteb.abstasks.sts:AbsTaskSTS",
        "cosine_spearman",
        ("sentence1", "sentence2", "score"),
    ),
}
"""What can be done with data of one's own."""


def own_task(kind: str, name: str, split: str) -> AbsTask:
    """Return a task of MTEB's class for a type, called `name` and without data."""
    from mteb.abstasks.task_metadata import TaskMetadata

    declared = TYPES[kind]
    module, _, base = declared.base.partition(":")
    metadata = TaskMetadata(
        name=name,
        dataset={"path": name, "revision": LOCAL},
        description=name,
        type=declared.mteb_type,
        category="t2c" if "label" in "".join(declared.columns) else "t2t",
        modalities=["text"],
        eval_splits=[split],
        eval_langs=["eng-Latn"],
        main_score=declared.main_score,
    )
    attributes = {"metadata": metadata, **declared.changes}
    made: AbsTask = type("OwnTask", (getattr(import_module(module), base),), attributes)()
    return made
