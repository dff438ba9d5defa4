"""A tiny random model of every family, with a tokenizer of a few words."""

from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from transformers import (
    AutoConfig,
    AutoModel,
    AutoModelForMaskedLM,
    BertTokenizerFast,
    PreTrainedModel,
    PreTrainedTokenizerFast,
)

from tests.conftest import WORDS

DEPTH, WIDTH, POSITIONS = 4, 16, 40
PLAIN = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
PADDING_SECOND = ["[CLS]", "[PAD]", "[SEP]", "[UNK]", "[MASK]"]
"""Special tokens as MPNet and RoBERTa have them: padding is 1."""
END = "<end>"
TINY = {
    "hidden_size": WIDTH,
    "num_hidden_layers": DEPTH,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "max_position_embeddings": POSITIONS,
    "initializer_range": 0.3,
}
GROUPED = {**TINY, "num_key_value_heads": 1, "pad_token_id": None}
SLIDING = {"use_sliding_window": True, "sliding_window": 4, "max_window_layers": 2}
DEBERTA = {
    "relative_attention": True,
    "position_biased_input": False,
    "pos_att_type": ["p2c", "c2p"],
    "position_buckets": 8,
    "norm_rel_ebd": "layer_norm",
    "share_att_key": True,
    "type_vocab_size": 0,
}
NO_DROPOUT = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
BEHIND_PADDING = {**TINY, **NO_DROPOUT, "pad_token_id": 1, "max_position_embeddings": POSITIONS + 2}

CONFIGS: dict[str, dict[str, Any]] = {
    "bert": {**TINY, **NO_DROPOUT},
    "roberta": {**BEHIND_PADDING, "type_vocab_size": 1},
    "xlm-roberta": {**BEHIND_PADDING, "type_vocab_size": 1},
    "distilbert": {
        "dim": WIDTH,
        "n_layers": DEPTH,
        "n_heads": 2,
        "hidden_dim": 32,
        "max_position_embeddings": POSITIONS,
        "initializer_range": 0.3,
        "dropout": 0.0,
        "attention_dropout": 0.0,
    },
    "mpnet": BEHIND_PADDING,
    "electra": {**TINY, **NO_DROPOUT, "embedding_size": 8},
    "deberta-v2": {**TINY, **NO_DROPOUT, **DEBERTA},
    "modernbert": {**TINY, "local_attention": 6, "pad_token_id": 0},
    "qwen2": {**GROUPED, **SLIDING},
    "qwen3": {**GROUPED, "head_dim": 8},
    "llama": GROUPED,
}
"""The config of each family's tiny model, by its `model_type`."""

REFUSED: dict[str, dict[str, Any]] = {
    "albert": {**TINY, "embedding_size": 8},
    "t5": {"d_model": WIDTH, "num_layers": DEPTH, "num_heads": 2, "d_kv": 8, "d_ff": 32},
    "gpt2": {"n_embd": WIDTH, "n_layer": DEPTH, "n_head": 2, "n_positions": POSITIONS},
}
"""Types that are refused by name: two with a reason, one that is not known."""


def config_of(family: str, **changes: Any) -> Any:
    """Return the config of a tiny model."""
    keys = {"vocab_size": len(PLAIN) + len(WORDS)} | (CONFIGS | REFUSED)[family] | changes
    return AutoConfig.for_model(family, **keys)


def encoder(family: str, **changes: Any) -> PreTrainedModel:
    """Return a tiny random encoder, without dropout."""
    torch.manual_seed(1)
    model: PreTrainedModel = AutoModel.from_config(config_of(family, **changes)).eval()
    return _rough(model)


def masked_lm(family: str, **changes: Any) -> PreTrainedModel:
    """Return a tiny random masked language model, without dropout."""
    torch.manual_seed(1)
    return _rough(AutoModelForMaskedLM.from_config(config_of(family, **changes)).eval())


def _rough(model: PreTrainedModel) -> PreTrainedModel:
    """Give norms and biases values of their own: at one and zero they would hide errors."""
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() == 1:
                parameter.add_(0.2 * torch.randn_like(parameter))
    return model


def tokenizer(family: str) -> PreTrainedTokenizerFast:
    """Return a tokenizer as the family has one: with its special tokens, or with an end alone."""
    if family in ("qwen2", "qwen3", "llama"):
        words = ["<unknown>", END, *WORDS]
        made = Tokenizer(
            WordLevel({word: n for n, word in enumerate(words)}, unk_token="<unknown>")
        )
        made.pre_tokenizer = Whitespace()
        return PreTrainedTokenizerFast(
            tokenizer_object=made,
            eos_token=END,
            unk_token="<unknown>",
            model_max_length=POSITIONS,
            padding_side="left",
        )
    second = CONFIGS.get(family, {}).get("pad_token_id") == 1
    special = PADDING_SECOND if second else PLAIN
    vocabulary = {word: number for number, word in enumerate([*special, *WORDS])}
    return BertTokenizerFast(vocab=vocabulary, model_max_length=POSITIONS)


def write_checkpoint(folder: Path, family: str, head: bool = False, **changes: Any) -> Path:
    """Write a tiny model of a family with its tokenizer into a folder."""
    made = (masked_lm if head else encoder)(family, **changes)
    made.save_pretrained(folder)
    tokenizer(family).save_pretrained(folder)
    return folder
