"""Source `ir_datasets`: a test collection by the id that the library ir_datasets gives it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, model_validator

from starbench.errors import InputError
from starbench.section import Display
from starbench.sources.source import Collection, Records, Source


class IrDatasetsSource(Source):
    """A collection that the library downloads and checks, e.g. ``beir/scifact/test``.

    The id says which version of a collection it is: ``beir/webis-touche2020`` and
    ``beir/webis-touche2020/v2`` have different judgements.
    """

    source: Literal["ir_datasets"] = Field(description="A collection of the library ir_datasets.")
    name: Display = Field(
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
        parts = ("passages", "queries", "qrels")
        dataset = _load(self.name, parts[1:] if self.corpus else parts)
        passages: Records = iter(())
        if self.corpus is None:
            passages = islice(_read(dataset, self.name, "passages"), self.rows)
        queries, qrels = (_read(dataset, self.name, part) for part in parts[1:])
        return Collection(passages, queries, qrels)


def read_part(name: str, part: str) -> Records:
    """Return (place, record) of one part of a collection of the library.

    Args:
        name: its id.
        part: ``passages``, ``queries`` or ``qrels``.

    Raises:
        InputError: there is no such collection, it has no such part, or it cannot be fetched.
    """
    return _read(_load(name, (part,)), name, part)


def _load(name: str, parts: Sequence[str]) -> Any:
    import ir_datasets

    try:
        dataset = ir_datasets.load(name)
    except (KeyError, ValueError) as error:
        raise InputError(f"ir_datasets has no dataset '{name}' ({error})") from None
    theirs = [ITEMS[part][0] for part in parts]
    missing = [what for what in theirs if not getattr(dataset, f"has_{what}")()]
    if missing:
        raise InputError(f"ir_datasets '{name}' has no {' and no '.join(missing)}")
    return dataset


def _read(dataset: Any, name: str, part: str) -> Iterator[tuple[str, dict[str, Any]]]:
    what, record = ITEMS[part]
    try:
        for number, item in enumerate(getattr(dataset, f"{what}_iter")(), start=1):
            yield f"{name} {what} {number}", record(item)
    # The library raises plain RuntimeErrors for downloads that fail or do not match, and whatever
    # its readers do for files that are damaged.
    except Exception as error:
        lines = str(error).strip().splitlines() or [repr(error)]
        raise InputError(f"cannot fetch ir_datasets '{name}' ({what}): {lines[0]}") from error


def _passage(doc: Any) -> dict[str, Any]:
    text = doc.text if hasattr(doc, "text") else doc.default_text()
    return {"id": doc.doc_id, "title": getattr(doc, "title", ""), "text": text}


def _query(query: Any) -> dict[str, Any]:
    text = query.text if hasattr(query, "text") else query.default_text()
    return {"id": query.query_id, "text": text}


def _judgement(qrel: Any) -> dict[str, Any]:
    return {"query": qrel.query_id, "passage": qrel.doc_id, "relevance": qrel.relevance}


ITEMS: dict[str, tuple[str, Callable[[Any], dict[str, Any]]]] = {
    "passages": ("docs", _passage),
    "queries": ("queries", _query),
    "qrels": ("qrels", _judgement),
}
"""What the library calls a part of a collection, and the record made of an item of it."""
