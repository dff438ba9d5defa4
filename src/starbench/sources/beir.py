"""A folder in the layout of BEIR: corpus.jsonl, queries.jsonl and qrels/<split>.tsv."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from starbench.errors import InputError, did_you_mean
from starbench.machine.lines import read_jsonl, read_lines
from starbench.sources.fields import identifier
from starbench.sources.source import Collection, Records

HEADER = ["query-id", "corpus-id", "score"]


def is_beir(folder: Path) -> bool:
    """Whether a folder holds a BEIR collection rather than files of records."""
    return any((folder / f"corpus.jsonl{end}").is_file() for end in ("", ".gz"))


def read_beir(folder: Path, split: str, with_passages: bool = True) -> Collection:
    """Return a BEIR collection; InputError for a missing file, naming what there is."""
    *corpus, queries, qrels = beir_files(folder, split, with_passages)
    return Collection(
        passages=_with_ids(corpus[0]) if corpus else iter(()),
        queries=_with_ids(queries),
        qrels=_judgements(qrels),
    )


def beir_files(folder: Path, split: str, with_passages: bool = True) -> list[Path]:
    """Return the files of passages (if wanted), queries and qrels; InputError for a missing one."""
    if not folder.is_dir():
        raise InputError(f"no folder {folder}")
    corpus = [_existing(folder, "corpus", ".jsonl")] if with_passages else []
    return [
        *corpus,
        _existing(folder, "queries", ".jsonl"),
        _existing(folder / "qrels", split, ".tsv"),
    ]


def _existing(folder: Path, stem: str, ending: str) -> Path:
    for name in (f"{stem}{ending}", f"{stem}{ending}.gz"):
        if (folder / name).is_file():
            return folder / name
    there = {p.name.split(ending)[0] for p in folder.glob(f"*{ending}*")}
    raise InputError(f"no file {folder / stem}{ending}{did_you_mean(stem, there)}")


def _with_ids(path: Path) -> Records:
    for number, record in read_jsonl(path):
        where = f"{path}:{number}"
        yield where, {**record, "id": identifier(record, "_id", where)}


def _judgements(path: Path) -> Records:
    for number, fields in _rows(path):
        where = f"{path}:{number}"
        if len(fields) != len(HEADER):
            raise InputError(
                f"{where}: {len(fields)} fields, expected {len(HEADER)} parted by tabs: "
                f"{', '.join(HEADER)}"
            )
        query, passage, relevance = fields
        yield where, {"query": query, "passage": passage, "relevance": relevance}


def _rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    for number, line in read_lines(path):
        fields = line.rstrip("\r\n").split("\t")
        if number == 1 and fields == HEADER:
            continue
        if line.strip():
            yield number, fields
