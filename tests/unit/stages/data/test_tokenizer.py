"""Tokenizers of every kind come with a checkpoint, and are checked for what its family needs."""

import numpy as np
import pytest
from tokenizers import Tokenizer, decoders, pre_tokenizers, trainers
from tokenizers import models as kinds
from tokenizers.processors import TemplateProcessing
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from starbench.errors import InputError
from starbench.run.models import model_named
from starbench.run.paths import RunPaths
from starbench.stages.data.checkpoints import fetch_checkpoint
from starbench.stages.data.fetch import fetch_dataset
from starbench.stages.data.tokenizer import ENGLISH
from starbench.stages.embed.layered_encoder import LayeredEncoder
from starbench.stages.finetune.run import build_model
from starbench.stages.pretrain.run import pretrain_backbone
from starbench.store.manifest import read_manifest
from tests.families import models
from tests.unit.runs import tiny_config
from tests.unit.stages.data.test_checkpoints_encoder import MASKED

SPECIAL = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
ROLES = {"cls": 0, "bos": 0, "pad": 1, "sep": 2, "eos": 2, "unk": 3, "mask": 4}
TEXTS = [ENGLISH, "a cat sees the old boat", "two dogs eat slowly"] * 3


def byte_level(roles=ROLES, framed=True):
    """A tokenizer as RoBERTa and decoders have it: byte pairs, spaces belong to words."""
    made = Tokenizer(kinds.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=300, special_tokens=SPECIAL, initial_alphabet=alphabet, show_progress=False
    )
    made.train_from_iterator(TEXTS, trainer)
    return with_special(made, roles, framed)


def sentencepiece(roles=ROLES, framed=True):
    """A tokenizer as XLM-R and DeBERTa have it: unigrams, a word starts with a mark."""
    made = Tokenizer(kinds.Unigram())
    made.pre_tokenizer = pre_tokenizers.Metaspace()
    made.decoder = decoders.Metaspace()
    trainer = trainers.UnigramTrainer(
        vocab_size=60, special_tokens=SPECIAL, unk_token="<unk>", show_progress=False
    )
    made.train_from_iterator(TEXTS, trainer)
    return with_special(made, roles, framed)


def with_special(made, roles, framed):
    if framed:
        made.post_processor = TemplateProcessing(
            single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
        )
    named = {f"{kind}_token": SPECIAL[number] for kind, number in roles.items()}
    return PreTrainedTokenizerFast(
        tokenizer_object=made, model_max_length=models.POSITIONS, **named
    )


def write(folder, family, tokenizer, head=False, **changes):
    make = models.masked_lm if head else models.encoder
    make(family, vocab_size=len(tokenizer), **changes).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def fetched(tmp_path, folder, pretraining=None):
    backbones = {"tiny": {"checkpoint": {"name": str(folder)}}}
    datasets = {}
    if pretraining:
        backbones["made"] = {"start": "tiny", "pretraining": pretraining}
        datasets = {"stories": {"kind": "text", "source": "micro", "rows": 9}}
    config = tiny_config(backbones=backbones, datasets=datasets)
    paths = RunPaths.of(config, tmp_path / "results")
    fetch_checkpoint(config, paths, "tiny")
    return config, paths


@pytest.mark.parametrize(
    ("family", "tokenizer"),
    [
        ("roberta", byte_level),
        ("xlm-roberta", sentencepiece),
        ("mpnet", byte_level),
        ("distilbert", sentencepiece),
        ("modernbert", byte_level),
    ],
)
def test_a_backbone_of_any_kind_of_tokenizer_is_pretrained(tmp_path, family, tokenizer):
    folder = write(tmp_path / "given", family, tokenizer(), head=True, pad_token_id=1)
    config, paths = fetched(tmp_path, folder, MASKED)
    fetch_dataset(config, paths, "stories")
    pretrain_backbone(config, paths, "made", 1)
    assert np.isfinite(read_manifest(paths.backbone("made", 1))["final_loss"])


@pytest.mark.parametrize("family", ["deberta-v2", "electra"])
def test_an_encoder_that_is_not_pretrained_needs_no_mask(tmp_path, family):
    roles = {kind: number for kind, number in ROLES.items() if kind != "mask"}
    folder = write(tmp_path / "given", family, sentencepiece(roles), pad_token_id=1)
    _, paths = fetched(tmp_path, folder)
    assert (paths.checkpoint("tiny") / "tokenizer.json").is_file()


# Qwen2's own class of tokenizers always has a padding token.
@pytest.mark.parametrize("family", ["qwen3", "llama"])
def test_a_decoder_without_padding_pads_with_its_end(tmp_path, family):
    tokenizer = byte_level({"eos": 2}, framed=False)
    assert tokenizer.pad_token is None
    folder = write(tmp_path / "given", family, tokenizer)
    config, paths = fetched(tmp_path, folder)
    given = AutoTokenizer.from_pretrained(paths.checkpoint("tiny"))
    assert (given.pad_token, given.pad_token_id) == ("</s>", 2)
    encoder = build_model(paths.checkpoint("tiny"), model_named(config, "sts", "tiny-srl"))
    texts = ["a cat", "the old boat near the river"]
    together = encoder.encode(texts)
    for row, text in enumerate(texts):
        np.testing.assert_allclose(together[row], encoder.encode(text), atol=1e-5)


def test_a_decoder_without_padding_and_end_is_refused(tmp_path):
    folder = write(tmp_path / "given", "llama", byte_level({}, framed=False))
    with pytest.raises(InputError, match="its tokenizer has no pad_token, which the run needs"):
        fetched(tmp_path, folder)


def test_a_decoder_reads_an_empty_text_as_one_token(tmp_path):
    tokenizer = byte_level({"eos": 2, "pad": 1}, framed=False)
    encoder = LayeredEncoder(
        models.encoder("qwen3", vocab_size=len(tokenizer)), tokenizer, "lasttoken", [2], 20
    )
    ids = encoder.tokenize(["", "a cat"])
    assert ids[0] == []
    together = encoder.embed_batch(ids)[2]
    assert np.isfinite(together).all()
    np.testing.assert_allclose(together[:1], encoder.embed_batch(ids[:1])[2], atol=1e-5)
    np.testing.assert_allclose(together[0], encoder.embed_batch([[1]])[2][0], atol=1e-5)


def test_an_encoder_of_a_framed_family_needs_its_frame(tmp_path):
    folder = write(tmp_path / "given", "modernbert", byte_level(framed=False), pad_token_id=1)
    with pytest.raises(InputError, match="does not put <s> before and </s> behind a text"):
        fetched(tmp_path, folder)


def test_an_mpnet_with_another_padding_than_its_own_is_refused(tmp_path):
    roles = ROLES | {"pad": 3, "unk": 1}
    folder = write(tmp_path / "given", "mpnet", byte_level(roles), pad_token_id=3)
    message = "pads with 3, encoders of type mpnet count no position for 1"
    with pytest.raises(InputError, match=message):
        fetched(tmp_path, folder)


def test_a_sentencepiece_model_alone_is_told_what_to_do(tmp_path):
    folder = models.write_checkpoint(tmp_path / "given", "deberta-v2")
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (folder / name).unlink()
    (folder / "spm.model").write_bytes(b"model")
    with pytest.raises(InputError, match=r"no tokenizer .*becomes tokenizer\.json when"):
        fetched(tmp_path, folder)
