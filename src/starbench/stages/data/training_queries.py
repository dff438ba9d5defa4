"""Checks of training queries: right answers, hard negatives that are none, and titles."""

from __future__ import annotations

from collections.abc import Iterator

from starbench.errors import InputError
from starbench.sources.fields import identifier, present, shown, text, title
from starbench.sources.source import Records
from starbench.stages.data.findings import Findings
from starbench.stages.data.titles import Titles
from starbench.store.records import Record, passage_text


def checked_queries(records: Records, findings: Findings, titles: Titles) -> Iterator[Record]:
    """Yield queries without negatives that are right answers, and only those that have others.

    Queries without a positive and blank queries are left out too, and so are blank passages.
    """
    for where, record in records:
        positives = _passages(record, "positive_passages", where, findings)
        negatives = _passages(record, "negative_passages", where, findings)
        said = {passage_text(passage) for passage in positives}
        ids = {passage["docid"] for passage in positives}
        wrong = []
        for passage in negatives:
            if passage_text(passage) in said or passage["docid"] in ids:
                findings.add("right_negatives", f"{where} {passage['docid']}")
            else:
                wrong.append(passage)
        query = text(record, "query", where)
        oddity = _left_out(query, positives, wrong)
        if oddity is not None:
            findings.add(oddity, where)
            continue
        for passage in (*positives, *wrong):
            titles.count(passage)
        yield {
            "query_id": identifier(record, "query_id", where),
            "query": query,
            "positive_passages": positives,
            "negative_passages": wrong,
        }


def _left_out(query: str, positives: list[Record], negatives: list[Record]) -> str | None:
    if not query.strip():
        return "blank_records"
    if not positives:
        return "queries_without_positive"
    return None if negatives else "queries_without_negative"


def _passages(record: Record, field: str, where: str, findings: Findings) -> list[Record]:
    value = present(record, field, where)
    if not isinstance(value, list):
        raise InputError(f"{where}: field '{field}' is not a list of passages: {shown(value)}")
    found = []
    for place, passage in enumerate(value):
        at = f"{where}: {field}[{place}]"
        if not isinstance(passage, dict):
            raise InputError(f"{at} is not a passage: {shown(passage)}")
        normalised = {
            "docid": identifier(passage, "docid", at),
            "title": title(passage, at),
            "text": text(passage, "text", at),
        }
        if passage_text(normalised):
            found.append(normalised)
        else:
            findings.add("blank_training_passages", at)
    return found
