"""The collections of ir_datasets on disk, where `site/sitecustomize.py` reads them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tests.rehearsal.contents import ir_collections


def write_collections(folder: Path) -> None:
    """Write ``<folder>/<id>/{docs,queries,qrels}.jsonl`` for every id of the config."""
    for name, made in ir_collections().items():
        to = folder / name
        to.mkdir(parents=True)
        docs = ({"doc_id": p["_id"], "title": p["title"], "text": p["text"]} for p in made.passages)
        _write(to / "docs.jsonl", docs)
        queries = ({"query_id": q["_id"], "text": q["text"]} for q in made.queries)
        _write(to / "queries.jsonl", queries)
        keys = ("query_id", "doc_id", "relevance")
        _write(to / "qrels.jsonl", (dict(zip(keys, row, strict=True)) for row in made.qrels))


def _write(path: Path, records: Iterable[dict[str, Any]]) -> None:
    lines = (json.dumps(record, ensure_ascii=False) + "\n" for record in records)
    path.write_text("".join(lines), encoding="utf-8")
