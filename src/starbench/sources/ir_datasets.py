"""Source `ir_datasets`: a test collection by the id that the library ir_datasets gives it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, model_validator

from starbench.errors import InputError
from starbench.sources.source import Collection, Records, Source


class IrDatasetsSource(Source):
    """A collection that the library downloads and checks, e.g. ``beir/scifact/test``.

    The id says which version of a collection it is: ``beir/webis-touche2020`` and
    ``beir/webis-touche2020/v2`` have different judgements.
    """

    source: Literal["ir_datasets"] = Field(description="A collection of the library ir_datasets.")
    name: str = Field(
        description="Its id: `msmarco-passage/dev/small`, `beir/webis-touche2020/v2` ..."
    )

    @model_validator(mode="after")
    def _is_a_collection(self) -> IrDatasetsSource:
        if self.kind != "collection":
            raise ValueError(f"source ir_datasets gives collections, not kind {self.kind}")
        return self

    def records(self, data_root: Path | None) -> Records:
        """Raise InputError: this source gives collections only."""
        raise InputError(f"dataset '{self.name}': source ir_datasets gives collections only")

    def collection(self, data_root: Path | None) -> Collection:
        """Return the collection, read as it is needed; `rows` limits its passages."""
        dataset = self._load()
        passages: Records = iter(())
        if self.corpus is None:
            passages = islice(self._read("docs", dataset.docs_iter, _passage), self.rows)
        return Collection(
            passages,
            self._read("queries", dataset.queries_iter, _query),
            self._read("qrels", dataset.qrels_iter, _judgement),
        )

    def _load(self) -> Any:
        import ir_datasets

        try:
            dataset = ir_datasets.load(self.name)
        except (KeyError, ValueError) as error:
            raise InputError(f"ir_datasets has no dataset '{self.name}' ({error})") from None
        missing = [
            what
            for what in ("docs", "queries", "qrels")
            if not getattr(dataset, f"has_{what}")() and (what != "docs" or self.corpus is None)
        ]
        if missing:
            raise InputError(f"ir_datasets '{self.name}' has no {' and no '.join(missing)}")
        return dataset

    def _read(
        self, what: str, items: Callable[[], Any], record: Callable[[Any], dict[str, Any]]
    ) -> Iterator[tuple[str, dict[str, Any]]]:
        try:
            for number, item in enumerate(items(), start=1):
                yield f"{self.name} {what} {number}", record(item)
        # The library raises plain RuntimeErrors for downloads that fail or do not match.
        except (OSError, RuntimeError) as error:
            lines = str(error).strip().splitlines() or [repr(error)]
            raise InputError(
                f"cannot fetch ir_datasets '{self.name}' ({what}): {lines[0]}"
            ) from error


def _passage(doc: Any) -> dict[str, Any]:
    text = doc.text if hasattr(doc, "text") else doc.default_text()
    return {"id": doc.doc_id, "title": getattr(doc, "title", ""), "text": text}


def _query(query: Any) -> dict[str, Any]:
    text = query.text if hasattr(query, "text") else query.default_text()
    return {"id": query.query_id, "text": text}


def _judgement(qrel: Any) -> dict[str, Any]:
    return {"query": qrel.query_id, "passage": qrel.doc_id, "relevance": qrel.relevance}
