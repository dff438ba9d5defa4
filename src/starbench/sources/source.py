"""Where data come from: a dataset in the config names one of the registered sources."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, field_validator, model_validator

from starbench.errors import InputError
from starbench.measures import ranking_measure
from starbench.section import Display, Name, Section
from starbench.store.records import Record

if TYPE_CHECKING:
    from mteb.abstasks.abstask import AbsTask

Kind = Literal[
    "text",
    "triplets",
    "anchor-positive",
    "pairs",
    "labelled",
    "training-queries",
    "collection",
    "task",
]
Records = Iterator[tuple[str, Record]]
"""(where, record): the place to name in an error, and the source's own record."""

Commits = dict[str, str]
"""{key below the dataset that holds a revision: the commit that it stands for}"""

SCORING_KEYS = (
    "metric",
    "leave_out_query",
    "ties",
    "rr",
    "shards",
    "shard_rows",
    "max_length",
    "query_max_length",
)
"""Keys of a collection that say how it is embedded and scored, not what it holds."""

ADDED_KEYS = ("without", "examples", "split", "task")
"""Keys that the fetched records depend on only where they are given."""

COLLECTION_KEYS = (*SCORING_KEYS, "corpus")


@dataclass(frozen=True)
class Collection:
    """A retrieval collection as a source gives it.

    Passages are {id, title, text}, queries {id, text}, judgements {query, passage, relevance}.
    """

    passages: Records
    queries: Records
    qrels: Records


@dataclass(frozen=True)
class TaskRecords:
    """The data of a task of MTEB as a source gives them: records by split, or a collection."""

    task: str
    """One of `starbench.store.own_tasks.TYPES`, or the name of MTEB's task whose code is run."""
    split: str
    """The split that is scored."""
    records: Mapping[str, Records]
    """{split: records}; none of a collection."""
    collection: Collection | None = None
    """Of retrieval, and of reranking, whose candidates are the judged passages."""


class Source(Section):
    """One dataset: what kind of records it holds and where they come from.

    A new source is a subclass in a file of `starbench.sources`, or an entry point of another
    package; its fields are the keys of the config and `records` gives the normalised records of
    its kind.
    """

    kind: Kind = Field(
        description="What a record is: `text` {text}, `triplets` {anchor, positive, negative}, "
        "`anchor-positive` {anchor, positive}, `pairs` {sentence1, sentence2, score}, "
        "`labelled` {text, label}, "
        "`training-queries` {query_id, query, positive_passages, negative_passages}; a "
        "`collection` is passages, queries and qrels, a `task` the data of a task of MTEB."
    )
    name: Display = Field(description="The name of the dataset within its source.")
    display: Display | None = Field(
        default=None, description="Name in tables and figures; the key itself if not given."
    )
    licence: Display | None = Field(
        default=None,
        description="Licence of the data: cards of models that were trained on them tell it.",
    )
    rows: int | None = Field(
        default=None, ge=1, description="Take at most this many records (all if not given)."
    )
    strict: bool = Field(
        default=False,
        description="Treat as an error whatever is otherwise only counted and warned of "
        "(blank texts, repeated ids, judgements of unknown passages ...).",
    )
    without: list[Name] = Field(
        default_factory=list,
        description="Other datasets of the config whose pairs, queries and examples must not be in "
        "this one: a record that holds one of them, whatever its case and punctuation, is left "
        "out. For selection data that overlap with scored sets.",
    )
    examples: Name | None = Field(
        default=None,
        description="Labelled: the labelled dataset of the config whose texts this one's are "
        "classified by (nearest neighbours, probes). Every label of this one must be in it.",
    )
    corpus: Name | None = Field(
        default=None,
        description="Collection: another collection of the config whose passages are searched, "
        "so that passages shared by several sets of queries are embedded once.",
    )
    metric: str = Field(
        default="nDCG@10",
        description="Collection: the measure that tables and figures show, as ir_measures spells "
        "it: `RR@10`, `nDCG@10`, `R@100`, `R@1000`, or any other that it parses (`AP`, `nDCG@20`, "
        "`Success@5` ...).",
    )
    leave_out_query: bool = Field(
        default=False,
        description="Collection: leave a passage with the query's own id out of its ranking "
        "(ArguAna and Quora, whose queries are also in the corpus).",
    )
    ties: Literal["trec_eval", "corpus"] = Field(
        default="trec_eval",
        description="Collection: order of passages with equal scores: by id, descending, as "
        "trec_eval sorts, or in the order of the corpus.",
    )
    rr: Literal["trec_eval", "msmarco"] = Field(
        default="trec_eval",
        description="Collection: whose RR@10, or RR of any depth: trec_eval's, or MS MARCO's own "
        "script, which counts no query that has nothing ranked.",
    )
    shards: int = Field(
        default=1,
        ge=1,
        le=9999,
        description="Collection: parts that the passages are embedded and searched in, one job "
        "per shard.",
    )
    shard_rows: int | None = Field(
        default=None,
        ge=1,
        description="Collection: passages of each shard, the last may have fewer; the shards of a "
        "collection that grows then stay as they are. Equal parts if not given.",
    )

    max_length: int | None = Field(
        default=None,
        ge=8,
        description="Collection: longest passage in tokens when it is embedded; the track's "
        "`embedding.max_length` if not given.",
    )
    query_max_length: int | None = Field(
        default=None,
        ge=8,
        description="Collection: longest query in tokens; the track's if not given.",
    )

    @field_validator("metric")
    @classmethod
    def _known_measure(cls, metric: str) -> str:
        ranking_measure(metric)
        return metric

    @model_validator(mode="after")
    def _keys_of_its_kind(self) -> Source:
        if self.kind != "collection":
            for key in COLLECTION_KEYS:
                if key in self.model_fields_set:
                    raise ValueError(f"'{key}' is for collections, not for kind {self.kind}")
        if self.examples is not None and self.kind != "labelled":
            raise ValueError(f"'examples' is for labelled, not for kind {self.kind}")
        if self.without and self.kind in ("collection", "text", "task"):
            raise ValueError(f"'without' is for records of pairs or for training, not {self.kind}")
        return self

    @abstractmethod
    def records(self, data_root: Path | None) -> Records:
        """Yield (where, record) of every kind but `collection`.

        Raises InputError for data that are missing, malformed or out of reach.
        """

    def collection(self, data_root: Path | None) -> Collection:
        """Return the parts of a collection; InputError from a source that has none."""
        raise InputError(f"dataset '{self.name}': this source gives no collections")

    def task_data(self, data_root: Path | None) -> TaskRecords | AbsTask:
        """Return the data of a task, or MTEB's task with its data loaded.

        Raises InputError from a source that has none, and for data that are out of reach.
        """
        raise InputError(f"dataset '{self.name}': this source gives no tasks of MTEB")

    def pinned(self) -> tuple[Source, Commits]:
        """Return the source with every revision replaced by a commit, and the commits.

        Raises InputError if the hub cannot be asked. Sources without revisions are as they are.
        """
        return self, {}

    def files(self, data_root: Path | None) -> list[Path]:
        """Return the local files that the records are read from; none for data from elsewhere.

        Raises InputError for files that are missing.
        """
        return []

    def contents_slice(self) -> dict[str, Any]:
        """Return the keys that the fetched records depend on, as JSON values."""
        kept = self.model_dump(exclude={*SCORING_KEYS, "display", "licence", "strict"})
        for key in ADDED_KEYS:  # what was fetched before there was such a key stays as it is
            if kept.get(key) in (None, []):
                kept.pop(key, None)
        return {**kept, "strict": True} if self.strict else kept
