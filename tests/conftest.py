"""Fixtures: a tiny BERT with a real WordPiece tokenizer, and models made from it."""

import os
from pathlib import Path

import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
# Whatever else is installed, tests are of Starbench alone.
os.environ["STARBENCH_WITHOUT_PLUGINS"] = "1"

WORDS = (
    "the a man woman dog cat child bird boat red blue small old sees eats finds paints sold "
    "in on near park house river slowly quickly today not was by and . , play ##ing ##s ##ed"
).split()
DEPTH, WIDTH = 4, 16


@pytest.fixture(scope="session")
def tiny_checkpoint(tmp_path_factory) -> Path:
    """A randomly initialised BERT of 4 layers x 16 dimensions with its tokenizer."""
    import torch
    from transformers import BertConfig, BertForMaskedLM, BertTokenizerFast

    folder = tmp_path_factory.mktemp("tiny-bert")
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS]
    tokenizer = BertTokenizerFast(
        vocab={word: number for number, word in enumerate(vocabulary)}, model_max_length=32
    )
    tokenizer.save_pretrained(folder)
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=WIDTH,
        num_hidden_layers=DEPTH,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=32,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        initializer_range=0.3,
    )
    BertForMaskedLM(config).save_pretrained(folder)
    return folder


@pytest.fixture
def tiny_model(tiny_checkpoint):
    """A SentenceTransformer of the tiny BERT with mean pooling, without dropout."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer

    transformer = Transformer(str(tiny_checkpoint))
    return SentenceTransformer(modules=[transformer, Pooling(WIDTH)], device="cpu")


def triplet_texts() -> list[list[str]]:
    """Three columns of texts of different lengths."""
    anchors = ["the man sees the red boat .", "a cat .", "the child finds a small bird today ."]
    positives = ["a boat was sold .", "the old cat eats slowly near the river .", "a bird ."]
    negatives = ["the man paints .", "a dog and a dog and a dog , a dog .", "not a bird ."]
    return [anchors * 2, positives * 2, negatives * 2]


@pytest.fixture
def triplet_columns(tiny_model):
    """The features of three text columns, as a trainer's collator makes them."""
    return [
        {
            key: value
            for key, value in tiny_model.preprocess(texts).items()
            if key in ("input_ids", "attention_mask", "token_type_ids")
        }
        for texts in triplet_texts()
    ]
