"""The hub's repositories that the paper's configs name: same names, files, columns and commits."""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet

from starbench.sources.miniature import PAIR_SETS, pairs, training_queries, triplets
from tests.hub.server import write_repository
from tests.rehearsal.contents import ACCENTS, MSMARCO_SETS, LocalCollection, documents, msmarco

Record = dict[str, Any]

FINEWEB = "9bb295ddab0e05d785b879661af7260fed5140fc"
ALL_NLI = "d482672c8e74ce18da116f430137434ba2e52fab"
MSMARCO_SCRIPT = "128e2068aee46bd12d4180394fa2705d54e10075"
MSMARCO_PARQUET = "f960cab3089bf0e883e5b060b16abc9c931d50d9"
MSMARCO_CORPUS = "5b250efbb2149162100c58f2394e990651b47beb"
STS = {
    "sts12-sts": "a0d554a64d88156834ff5ae9920b964011b16384",
    "sts13-sts": "7e90230a92c190f1bf69ae9002b8cea547a64cca",
    "sts14-sts": "6031580fec1f6af667f0bd2da0a551cf4f0b2375",
    "sts15-sts": "ae752c7c21bf194d8b67fd573edf7ae58183cbe3",
    "sts16-sts": "4d8694f8f0e0100860b497b999b3dbed754a0513",
    "stsbenchmark-sts": "b0fddb56ed78048fa8b90373c8a3cfc37b684831",
    "sickr-sts": "20a6d6f312dd54037fe07a32d58e5e168867909d",
}

BLANK = " "
"""A text of white space: some of the real sets have such records."""

SCRIPT = '''"""MS MARCO as a loading script, which current versions of datasets refuse."""

import datasets


class MsMarcoPassage(datasets.GeneratorBasedBuilder):
    """Named by its file: `datasets` takes a file of the repository's name for a script."""
'''

NLI_CARD = """---
configs:
- config_name: pair
  data_files:
  - {split: train, path: pair/train-*}
- config_name: triplet
  data_files:
  - {split: train, path: triplet/train-*}
  - {split: dev, path: triplet/dev-*}
  - {split: test, path: triplet/test-*}
---
"""

FINEWEB_CARD = """---
configs:
- config_name: default
  data_files:
  - {split: train, path: data/*/*}
- config_name: sample-100BT
  data_files:
  - {split: train, path: sample/100BT/*}
---
"""


def write_datasets(root: Path) -> None:
    """Write every dataset repository below `root`, as `tests.hub.server.serve` reads it."""
    _write(root, "HuggingFaceFW/fineweb", _fineweb(), FINEWEB)
    _write(root, "sentence-transformers/all-nli", _all_nli(), ALL_NLI)
    for number, (name, commit) in enumerate(STS.items(), start=1):
        _write(root, f"mteb/{name}", _sts(number), commit)
    _write_msmarco(root)
    corpus = [
        {"docid": p["_id"], "title": p["title"], "text": p["text"]} for p in msmarco().passages
    ]
    files = {"msmarco-passage-corpus.py": SCRIPT, "corpus.jsonl.gz": _jsonl(corpus)}
    _write(root, "Tevatron/msmarco-passage-corpus", files, MSMARCO_CORPUS)


def _write_msmarco(root: Path) -> None:
    """Write a repository with a script: a commit, `main` after it, and the conversion."""
    name = "Tevatron/msmarco-passage"
    queries = _msmarco_training()
    files = {"msmarco-passage.py": SCRIPT, "train.jsonl.gz": _jsonl(queries)}
    _write(root, name, files, MSMARCO_SCRIPT, branch=None)
    whole = msmarco()
    splits = {
        split: _tevatron_queries(whole, whole.queries[part])
        for split, part in zip(("dev", "dl19", "dl20"), MSMARCO_SETS.values(), strict=True)
    }
    _write(root, name, files | {f"{s}.jsonl.gz": _jsonl(rows) for s, rows in splits.items()}, None)
    half = len(queries) // 2
    converted = {
        "default/train/0000.parquet": _parquet(queries[:half]),
        "default/train/0001.parquet": _parquet(queries[half:]),
        # The conversion calls dev `validation`, and has neither dl19 nor dl20.
        "default/validation/0000.parquet": _parquet(splits["dev"]),
    }
    _write(root, name, converted, MSMARCO_PARQUET, branch="refs/convert/parquet")


def _write(
    root: Path,
    name: str,
    files: Mapping[str, str | bytes],
    commit: str | None,
    branch: str | None = "main",
) -> None:
    write_repository(root, "datasets", name, files, branch, commit)


def _fineweb() -> dict[str, Any]:
    records = [
        {
            "text": text,
            "id": f"<urn:uuid:{number}>",
            "dump": "CC-MAIN-2024-10",
            "url": f"http://example.org/{number}",
            "date": "2024-02-21T00:00:00Z",
            "file_path": "s3://commoncrawl",
            "language": "en",
            "language_score": 0.9,
            "token_count": len(text.split()),
        }
        for number, text in enumerate(documents(120, seed=11))
    ]
    records[4]["text"] = BLANK
    return {
        "README.md": FINEWEB_CARD,
        "sample/100BT/000_00000.parquet": _parquet(records[:60]),
        "sample/100BT/001_00000.parquet": _parquet(records[60:]),
        "data/CC-MAIN-2024-10/000_00000.parquet": _parquet(records[:10]),
    }


def _all_nli() -> dict[str, Any]:
    records = list(triplets(60, seed=12))
    records[3]["anchor"] = ACCENTS + records[3]["anchor"]
    records[5]["positive"] = BLANK
    plain = [{"anchor": r["anchor"], "positive": r["positive"]} for r in records]
    return {
        "README.md": NLI_CARD,
        "pair/train-00000-of-00001.parquet": _parquet(plain),
        "triplet/train-00000-of-00001.parquet": _parquet(records[:40]),
        "triplet/dev-00000-of-00001.parquet": _parquet(records[40:50]),
        "triplet/test-00000-of-00001.parquet": _parquet(records[50:]),
    }


def _sts(number: int) -> dict[str, Any]:
    pair_set = PAIR_SETS[number % len(PAIR_SETS)]
    records = list(pairs(32, seed=number, name=pair_set))
    records[1]["sentence1"] = ACCENTS + records[1]["sentence1"]
    if number == 1:
        records[2]["sentence2"] = BLANK
    return {
        "README.md": "---\nlanguage: [en]\n---\n",
        "test.jsonl.gz": _jsonl(records[:12]),
        "train.jsonl.gz": _jsonl(records[12:]),
    }


def _msmarco_training() -> list[Record]:
    records = list(training_queries(40, seed=13))
    first = records[0]["positive_passages"][0]
    first["text"] = ACCENTS + first["text"]
    records[0]["negative_passages"][2] |= {"title": "", "text": BLANK}
    return records


def _tevatron_queries(whole: LocalCollection, asked: Sequence[Record]) -> list[Record]:
    """Return queries as Tevatron's evaluation splits have them: with what answers them."""
    by_id = {passage["_id"]: passage for passage in whole.passages}
    found = []
    for query in asked:
        right = [by_id[passage] for name, passage, _ in whole.qrels if name == query["_id"]]
        passages = [{"docid": p["_id"], "title": p["title"], "text": p["text"]} for p in right]
        found.append(
            {
                "query_id": query["_id"],
                "query": query["text"],
                "positive_passages": passages,
                "negative_passages": [],
            }
        )
    return found


def _jsonl(records: Iterable[Record]) -> bytes:
    text = "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)
    return gzip.compress(text.encode(), mtime=0)


def _parquet(records: Sequence[Record]) -> bytes:
    target = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(list(records)), target)
    return target.getvalue()
