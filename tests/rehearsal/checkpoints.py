"""The checkpoints that the paper's configs name: the real depth, width and kinds of files."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from starbench.sources.miniature import training_queries, triplets
from tests.hub.server import write_repository
from tests.rehearsal.contents import documents

LAYERS, WIDTH = 12, 768
HEADS, INTERMEDIATE, VOCABULARY = 4, 64, 1500
"""What makes it cheap: a fourth of the multiplications of BERT base, and a small vocabulary."""

BERT = "google-bert/bert-base-uncased"
SAFETENSORS = {BERT: 0}
"""Repositories with weights in safetensors, and the seed of their weights."""
PICKLED: dict[str, int] = {
    "ielabgroup/bert-base-uncased-fineweb100bt-smae": 1,
    "ielabgroup/Starbucks_STS": 2,
    "ielabgroup/Starbucks-msmarco": 3,
}
"""Repositories with a .bin file only, as the authors' are."""


def write_checkpoints(root: Path) -> None:
    """Write every model repository below `root`, as `tests.hub.server.serve` reads it."""
    tokenizer = _tokenizer_files()
    for name, seed in SAFETENSORS.items():
        files = {**tokenizer, **_model_files(seed, pickled=False)}
        write_repository(root, "models", name, files)
    for name, seed in PICKLED.items():
        files = {**tokenizer, **_model_files(seed, pickled=True)}
        write_repository(root, "models", name, files)


def _tokenizer_files() -> dict[str, bytes]:
    from starbench.stages.pretrain.tokenizer import train_tokenizer

    words = list(documents(300, seed=14))
    words += [triplet["anchor"] for triplet in triplets(300, seed=14)]
    words += [query["query"] for query in training_queries(100, seed=14)]
    return _saved(train_tokenizer(words, VOCABULARY, max_length=512))


def _model_files(seed: int, pickled: bool) -> dict[str, bytes]:
    import torch
    from transformers import BertConfig, BertForMaskedLM

    config = BertConfig(
        vocab_size=VOCABULARY,
        hidden_size=WIDTH,
        num_hidden_layers=LAYERS,
        num_attention_heads=HEADS,
        intermediate_size=INTERMEDIATE,
    )
    torch.manual_seed(seed)
    model = BertForMaskedLM(config)
    if not pickled:
        return _saved(model)
    weights = io.BytesIO()
    torch.save(model.state_dict(), weights)
    config.architectures = ["BertForMaskedLM"]
    return {**_saved(config), "pytorch_model.bin": weights.getvalue()}


def _saved(thing: Any) -> dict[str, bytes]:
    """Return the files that an object's `save_pretrained` writes."""
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        thing.save_pretrained(folder)
        return {file.name: file.read_bytes() for file in Path(folder).iterdir()}
