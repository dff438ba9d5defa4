"""Source `micro`: a generated miniature English, so that everything runs with no data at all."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from starbench.errors import did_you_mean
from starbench.section import Display
from starbench.sources import miniature
from starbench.sources.source import Collection, Records, Source


class MicroSource(Source):
    """Records of a generated miniature English (see `starbench.sources.miniature`)."""

    source: Literal["micro"] = Field(description="Data made here by the generated language.")
    name: Display = Field(
        default="paraphrase",
        description="For `pairs` which of the graded sets is made: "
        f"{', '.join(miniature.PAIR_SETS)}.",
    )
    rows: int = Field(
        ge=1, description="How many records to make; of a collection, how many passages."
    )
    queries: int | None = Field(
        default=None, ge=1, description="Queries of a collection; one for ten passages."
    )
    seed: int = Field(default=1, ge=0, description="Seed of the generator.")

    @model_validator(mode="after")
    def _fitting(self) -> MicroSource:
        if self.kind == "pairs" and self.name not in miniature.PAIR_SETS:
            hint = did_you_mean(self.name, miniature.PAIR_SETS)
            raise ValueError(f"'name': no micro pair set '{self.name}'{hint}")
        if "name" in self.model_fields_set and self.kind != "pairs":
            raise ValueError(f"'name' is for pairs, not for kind {self.kind}")
        if self.queries is not None and self.kind != "collection":
            raise ValueError(f"'queries' is for collections, not for kind {self.kind}")
        if self.corpus is not None:
            raise ValueError("'corpus': a generated collection has passages of its own")
        if self.kind == "collection" and self.rows < 2 * self.asked:
            raise ValueError(
                f"'rows': {self.rows} passages are too few for {self.asked} queries: two for each"
            )
        return self

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
        else:
            made = miniature.pairs(self.rows, self.seed, self.name)
        for number, record in enumerate(made, start=1):
            yield f"micro {self.kind} {number}", record

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
