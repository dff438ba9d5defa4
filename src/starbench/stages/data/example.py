"""Example data in the layouts that `folder` datasets have, and a config that uses them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from starbench.errors import InputError
from starbench.machine.files import written_whole
from starbench.section import slug
from starbench.sources.miniature import collection, pairs, triplets

CHECKPOINT = "sentence-transformers/all-MiniLM-L6-v2"

SEED = 11
PASSAGES, QUERIES, TEST_QUERIES = 900, 300, 100
TRIPLETS, PAIRS = 1_000, 200

CONFIG = """\
run: {run}
title: MiniLM made elastic on data of my own
data_root: {root}
sizes:
  - {{layers: 2, dim: 64, name: small}}
  - {{layers: 4, dim: 128, name: medium}}
  - {{layers: 6, dim: 384, name: full}}
datasets:
  questions: {{kind: training-queries, source: folder, name: collection, split: train}}
  my-collection: {{kind: collection, source: folder, name: collection, split: test, metric: RR@10}}
backbones:
  minilm: {{checkpoint: {{name: {checkpoint}}}}}
systems:
  minilm: {{display: MiniLM (untouched), backbone: minilm, objective: untouched}}
  srl: {{display: MiniLM-SRL, backbone: minilm, objective: srl}}
tracks:
  retrieval:
    tasks: [my-collection]
    finetuning: {{dataset: questions, loss: mnrl, pooling: mean, similarity: cosine,
      temperature: 0.05, negatives: 3, batch_size: 32, steps: 60, learning_rate: 5.0e-5,
      max_length: 128, query_max_length: 32}}
    objectives: [{{objective: srl, kl_over: scores, kl_weight: 1.0, kl_detach: true}}]
"""


def write_example(folder: Path, checkpoint: str | None = None) -> list[str]:
    """Write a collection, pairs and triplets below a new folder, and ``config.yaml``.

    Args:
        folder: what is made; InputError if it is there already.
        checkpoint: the pre-trained encoder that the config names; `CHECKPOINT` if None.

    Returns:
        A line on each file.
    """
    if folder.exists():
        raise InputError(f"{folder} exists: name a folder that is not there yet")
    with written_whole(folder) as temporary:
        made = {
            **_collection(temporary / "collection"),
            "pairs/test.jsonl": _lines(temporary / "pairs/test.jsonl", _pairs()),
            "triplets/train.jsonl": _lines(
                temporary / "triplets/train.jsonl", triplets(TRIPLETS, SEED)
            ),
        }
        config = CONFIG.format(
            run=slug(folder.name, "example"),
            root=json.dumps(str(folder)),
            checkpoint=json.dumps(checkpoint or CHECKPOINT),
        )
        (temporary / "config.yaml").write_text(config, encoding="utf-8")
    return [*(f"{folder / name}: {what}" for name, what in made.items()), f"{folder}/config.yaml"]


def _collection(folder: Path) -> dict[str, str]:
    """Write a collection in the layout of BEIR, its queries split for training and test."""
    passages, queries, judged = collection(PASSAGES, QUERIES, SEED)
    test = {query["_id"] for query in queries[-TEST_QUERIES:]}
    made = {
        "collection/corpus.jsonl": _lines(folder / "corpus.jsonl", passages),
        "collection/queries.jsonl": _lines(folder / "queries.jsonl", queries),
    }
    for split in ("train", "test"):
        rows = [row for row in judged if (row[0] in test) == (split == "test")]
        path = folder / "qrels" / f"{split}.tsv"
        path.parent.mkdir(exist_ok=True)
        lines = ["query-id\tcorpus-id\tscore", *("\t".join(map(str, row)) for row in rows)]
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        made[f"collection/qrels/{split}.tsv"] = f"{len(rows)} judgements"
    return made


def _pairs() -> Iterable[dict[str, Any]]:
    return pairs(PAIRS, SEED, "paraphrase")


def _lines(path: Path, records: Iterable[dict[str, Any]]) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [json.dumps(record, ensure_ascii=False) for record in records]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return f"{len(lines)} records"
