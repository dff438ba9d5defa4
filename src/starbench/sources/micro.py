"""Source `micro`: a generated miniature English, so that everything runs with no data at all."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from starbench.errors import did_you_mean
from starbench.section import Display
from starbench.sources import miniature
from starbench.sources.source import Collection, Records, Source, TaskRecords
from starbench.sources.tasks import check_task
from starbench.store.records import Record


class MicroSource(Source):
    """Records of a generated miniature English (see `starbench.sources.miniature`)."""

    source: Literal["micro"] = Field(description="Data made here by the generated language.")
    name: Display = Field(
        default="paraphrase",
        description="For `pairs` which of the graded sets is made: "
        f"{', '.join(miniature.PAIR_SETS)}. For `labelled` what the label is: "
        f"{', '.join(miniature.LABEL_SETS)} (the first one if not given); of a `task`, too.",
    )
    rows: int = Field(
        ge=1, description="How many records to make; of a collection, how many passages."
    )
    queries: int | None = Field(
        default=None, ge=1, description="Queries of a collection; one for ten passages."
    )
    seed: int = Field(default=1, ge=0, description="Seed of the generator.")
    split: Literal["train", "test"] | None = Field(
        default=None,
        description="For `labelled` which of the two splits is made, `test` if not given: they "
        "share no action with the same agent and object.",
    )

    task: Literal["Classification", "Clustering"] | None = Field(
        default=None,
        description="Task: what is done with labelled texts; `name` says what the label is.",
    )

    @model_validator(mode="after")
    def _fitting(self) -> MicroSource:
        check_task(self.kind, self.task)
        if "name" in self.model_fields_set or self.kind == "pairs":
            self._check_name()
        if self.split is not None and self.kind != "labelled":
            raise ValueError(f"'split' is for labelled, not for kind {self.kind}")
        if self.queries is not None and self.kind != "collection":
            raise ValueError(f"'queries' is for collections, not for kind {self.kind}")
        if self.corpus is not None:
            raise ValueError("'corpus': a generated collection has passages of its own")
        if self.kind == "collection" and self.rows < 2 * self.asked:
            raise ValueError(
                f"'rows': {self.rows} passages are too few for {self.asked} queries: two for each"
            )
        return self

    def _check_name(self) -> None:
        labels = miniature.LABEL_SETS
        sets = {"pairs": miniature.PAIR_SETS, "labelled": labels, "task": labels}.get(self.kind)
        if sets is None:
            raise ValueError(f"'name' is for pairs, labelled and task, not for kind {self.kind}")
        if self.name not in sets:
            what = "pair" if self.kind == "pairs" else "label"
            hint = did_you_mean(self.name, sets)
            raise ValueError(f"'name': no micro {what} set '{self.name}'{hint}")

    @property
    def asked(self) -> int:
        """How many queries a collection has: a tenth of its passages if not given."""
        return self.queries or max(1, self.rows // 10)

    def records(self, data_root: Path | None) -> Records:
        """Yield the generated records; `data_root` is not used."""
        if self.kind == "text":
            made = miniature.texts(self.rows, self.seed)
        elif self.kind == "triplets":
            made = miniature.triplets(self.rows, self.seed)
        elif self.kind == "anchor-positive":
            told = miniature.triplets(self.rows, self.seed)
            made = ({key: record[key] for key in ("anchor", "positive")} for record in told)
        elif self.kind == "training-queries":
            made = miniature.training_queries(self.rows, self.seed)
        elif self.kind == "labelled":
            made = self._labelled(self.split or "test")
        else:
            made = miniature.pairs(self.rows, self.seed, self.name)
        for number, record in enumerate(made, start=1):
            yield f"micro {self.kind} {number}", record

    def _labelled(self, split: str) -> Iterator[Record]:
        name = self.name if "name" in self.model_fields_set else miniature.LABEL_SETS[0]
        return miniature.labelled(self.rows, self.seed, name, split)

    def task_data(self, data_root: Path | None) -> TaskRecords:
        """Return labelled texts; for classification as many to train on."""
        assert self.task is not None
        splits = ("train", "test") if self.task == "Classification" else ("test",)
        made = {
            split: (
                (f"micro {split} {number}", record)
                for number, record in enumerate(self._labelled(split), start=1)
            )
            for split in splits
        }
        return TaskRecords(self.task, "test", made)

    def collection(self, data_root: Path | None) -> Collection:
        """Return a generated collection with lexically similar wrong answers."""
        corpus, queries, qrels = miniature.collection(self.rows, self.asked, self.seed)
        judged = [
            {"query": query, "passage": passage, "relevance": relevance}
            for query, passage, relevance in qrels
        ]
        return Collection(
            (("micro corpus", {"id": p["_id"], **p}) for p in corpus),
            (("micro queries", {"id": q["_id"], **q}) for q in queries),
            (("micro qrels", record) for record in judged),
        )
