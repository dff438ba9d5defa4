"""A checkpoint whose weights, config.json and tokenizer do not fit one another is refused."""

import json
import logging
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoTokenizer, BertTokenizerFast

from starbench.errors import InputError
from starbench.run.paths import RunPaths
from starbench.stages.data.checkpoints import fetch_checkpoint
from tests.conftest import WORDS
from tests.unit.encoders.roberta import roberta
from tests.unit.runs import tiny_config, tiny_value

MASKED = {
    "objective": "mlm",
    "datasets": ["stories"],
    "batch_size": 8,
    "steps": 2,
    "learning_rate": 1.0e-3,
    "max_length": 24,
}


def fetched(tmp_path, folder, pretraining=None, **changes):
    """Fetch a checkpoint; with `pretraining` another backbone starts from it."""
    backbones = {"tiny": {"checkpoint": {"name": str(folder)}}}
    if pretraining:
        backbones["made"] = {"start": "tiny", "pretraining": pretraining}
        changes["datasets"] = {"stories": {"kind": "text", "source": "micro", "rows": 9}}
    config = tiny_config(backbones=backbones, **changes)
    paths = RunPaths.of(config, tmp_path / "results")
    fetch_checkpoint(config, paths, "tiny")
    return paths.checkpoint("tiny")


def refused(tmp_path, message, folder, **options):
    with pytest.raises(InputError, match=message) as raised:
        fetched(tmp_path, folder, **options)
    assert "\n" not in str(raised.value)
    assert len(str(raised.value)) < 400
    assert not [path for path in (tmp_path / "results").rglob("*") if path.is_file()]


@pytest.fixture
def copied(tmp_path, tiny_checkpoint):
    """A copy of the tiny checkpoint, to be spoilt."""
    return shutil.copytree(tiny_checkpoint, tmp_path / "copy")


def edit(path, **changes):
    values = json.loads(path.read_text())
    path.write_text(json.dumps({k: v for k, v in (values | changes).items() if v != "drop"}))


def change(folder, key, changed):
    weights = load_file(folder / "model.safetensors")
    weights[key] = changed(weights[key])
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"vocab_size": 50},
            r"embeddings\.word_embeddings\.weight has the shape \(42, 16\), config\.json asks for "
            r"\(50, 16\)",
        ),
        ({"hidden_size": 32}, r"has the shape \(.*16.*\), config\.json asks for \(.*32.*\)$"),
        (
            {"intermediate_size": 64},
            r"encoder\.layer\.0\.intermediate\.dense\.bias has the shape \(32,\), config\.json "
            r"asks for \(64,\)",
        ),
        ({"max_position_embeddings": 64}, r"position_embeddings\.weight has the shape \(32, 16\)"),
        ({"num_hidden_layers": 6}, r"lacks 32 weights of the encoder, e\.g\. encoder\.layer\.4\."),
        ({"num_attention_heads": 3}, r"cannot be loaded: "),
        ({"model_type": "no-such-type"}, r"type 'no-such-type' cannot be used: known are bert, "),
        ({"num_hidden_layers": "4"}, r"config\.json tells no num_hidden_layers and hidden_size"),
    ],
)
def test_a_config_that_does_not_fit_the_weights_is_refused(tmp_path, copied, changes, message):
    edit(copied / "config.json", **changes)
    refused(tmp_path, message, copied)


def test_a_config_of_fewer_layers_than_the_weights_have_is_refused(tmp_path, copied):
    """transformers would take the first ones and leave the rest out."""
    edit(copied / "config.json", num_hidden_layers=2)
    message = (
        r"config\.json says num_hidden_layers 2, the weights have 4 layers: "
        r"encoder\.layer\.2\..* and others would be left out"
    )
    refused(tmp_path, message, copied, sizes=[{"layers": 2, "dim": 16}])


def test_a_weight_of_the_encoder_that_nothing_reads_is_refused(tmp_path, copied):
    weights = load_file(copied / "model.safetensors")
    weights["bert.encoder.layer.0.attention.self.relative.weight"] = torch.ones(3)
    save_file(weights, copied / "model.safetensors", metadata={"format": "pt"})
    refused(tmp_path, r"has 1 weights of the encoder that config\.json has no place for", copied)


def test_heads_and_old_buffers_may_be_there(tmp_path, copied):
    weights = load_file(copied / "model.safetensors")
    weights["bert.embeddings.position_ids"] = torch.arange(32)[None]
    weights["bert.pooler.dense.weight"] = torch.ones(16, 16)
    weights["classifier.weight"] = torch.ones(2, 16)
    weights["qa_outputs.bias"] = torch.ones(2)
    save_file(weights, copied / "model.safetensors", metadata={"format": "pt"})
    assert (fetched(tmp_path, copied) / "model.safetensors").is_file()


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize(
    "key", ["bert.encoder.layer.3.output.dense.weight", "cls.predictions.bias"]
)
def test_weights_that_are_no_finite_numbers_are_refused(tmp_path, copied, key, value):
    def spoil(tensor):
        tensor.view(-1)[-1] = value
        return tensor

    change(copied, key, spoil)
    refused(tmp_path, rf"model\.safetensors: {key} holds values that are not finite", copied)


@pytest.mark.parametrize("data", [b"", b"\x00" * 99, b"\xff" * 99])
def test_weights_that_are_no_safetensors_are_refused(tmp_path, copied, data):
    (copied / "model.safetensors").write_bytes(data)
    refused(tmp_path, r"cannot be loaded: ", copied)


def test_a_checkpoint_without_tokenizer_is_refused(tmp_path, copied):
    (copied / "tokenizer.json").unlink()
    (copied / "tokenizer_config.json").unlink()
    message = r"has no tokenizer \(tokenizer\.json, vocab\.txt, vocab\.json with merges\.txt\)"
    refused(tmp_path, message, copied)


def test_a_tokenizer_that_is_no_json_is_refused(tmp_path, copied):
    (copied / "tokenizer.json").write_text('{"version": ')
    refused(tmp_path, r"its tokenizer cannot be loaded: ", copied)


def vocabulary(folder, words, **options):
    """Give a checkpoint a tokenizer of other words."""
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    made = {word: number for number, word in enumerate([*special, *words])}
    BertTokenizerFast(vocab=made, model_max_length=32, **options).save_pretrained(folder)


def test_a_tokenizer_with_ids_beyond_the_embeddings_is_refused(tmp_path, copied):
    vocabulary(copied, [*WORDS, "lorry", "van"])
    message = r"has 2 ids beyond the 42 rows of the encoder's embeddings, e\.g\. 'lorry' with 42"
    refused(tmp_path, message, copied)


def test_a_tokenizer_of_a_foreign_vocabulary_is_refused(tmp_path, copied):
    greek = [chr(ord("\u03b1") + number) for number in range(20)]
    vocabulary(copied, greek)
    refused(tmp_path, r"knows no word of a plain English sentence .* \[UNK\]", copied)


@pytest.mark.parametrize("kind", ["pad", "cls", "sep"])
def test_a_special_token_that_is_missing_is_named(tmp_path, copied, kind):
    edit(copied / "tokenizer_config.json", **{f"{kind}_token": None})
    assert AutoTokenizer.from_pretrained(copied).get_vocab()
    refused(tmp_path, rf"its tokenizer (has no {kind}_token|cannot be loaded)", copied)


def test_the_mask_is_needed_where_words_are_masked(tmp_path, copied):
    edit(copied / "tokenizer_config.json", mask_token=None)
    assert (fetched(tmp_path, copied) / "manifest.json").is_file()
    shutil.rmtree(tmp_path / "results")
    message = r"its tokenizer has no mask_token, which the run needs"
    refused(tmp_path, message, copied, pretraining=MASKED)


def test_another_padding_is_refused_where_positions_are_counted_by_it(
    tmp_path, copied, tiny_checkpoint, caplog
):
    edit(copied / "config.json", pad_token_id=7)
    with caplog.at_level(logging.WARNING):
        fetched(tmp_path, copied)
    assert (
        "config.json has pad_token_id 7, which is 'man', its tokenizer pads with 0" in caplog.text
    )
    shutil.rmtree(tmp_path / "results")
    roberta(tmp_path / "roberta", tiny_checkpoint, pad_token_id=1)
    message = r"pad_token_id 1, .* pads with 0, '\[PAD\]': positions would be counted wrongly"
    refused(tmp_path, message, tmp_path / "roberta")


def lengths_of(place, length):
    """Changes of the config that ask for a length at a place."""
    value = tiny_value()["tracks"]["sts"]
    if place == "finetuning":
        value["finetuning"]["max_length"] = length
        return {"tracks": {"sts": value}}
    if place == "embedding":
        return {"tracks": {"sts": value | {"embedding": {"max_length": length}}}}
    retrieval = {"finetuning": value["finetuning"], "tasks": ["found"]}
    found = {"kind": "collection", "source": "micro", "rows": 20, place: length}
    return {"tracks": {"retrieval": retrieval}, "datasets": {"found": found}}


@pytest.mark.parametrize(
    ("place", "key"),
    [
        ("finetuning", r"tracks\.sts\.finetuning\.max_length"),
        ("embedding", r"tracks\.sts\.embedding\.max_length"),
        ("max_length", r"datasets\.found\.max_length"),
        ("query_max_length", r"datasets\.found\.query_max_length"),
    ],
)
def test_texts_longer_than_the_positions_are_refused(tmp_path, tiny_checkpoint, place, key):
    refused(
        tmp_path,
        rf"^{key}: 33 tokens, but checkpoint .* has 32 positions",
        tiny_checkpoint,
        **lengths_of(place, 33),
    )
    assert fetched(tmp_path, tiny_checkpoint, **lengths_of(place, 32)).is_dir()


def test_windows_of_pre_training_beyond_the_positions_are_refused(tmp_path, tiny_checkpoint):
    message = r"^backbones\.made\.pretraining\.max_length: 40 tokens, but checkpoint .* has 32 posi"
    refused(tmp_path, message, tiny_checkpoint, pretraining=MASKED | {"max_length": 40})
