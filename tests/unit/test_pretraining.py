"""Pre-training one backbone: resumed equals straight, starts chain, bad starts are refused."""

import shutil

import pytest
from transformers import (
    AutoModel,
    AutoTokenizer,
    DistilBertConfig,
    DistilBertModel,
    TrainerCallback,
)

from starbench.data.checkpoints import fetch_checkpoint
from starbench.data.fetch import fetch_dataset
from starbench.errors import InputError
from starbench.files import sha256_of
from starbench.manifest import read_manifest
from starbench.paths import RunPaths
from starbench.pretraining import run
from starbench.pretraining.run import pretrain_backbone
from tests.unit.runs import tiny_config, tiny_value

TRAINING = {
    "datasets": ["stories"],
    "max_length": 24,
    "batch_size": 4,
    "steps": 10,
    "learning_rate": 1.0e-3,
    "checkpoint_every": 2,
    "log_every": 2,
}
SCRATCH = {
    "layers": 4,
    "width": 16,
    "heads": 2,
    "intermediate": 32,
    "max_positions": 32,
    "vocabulary": 300,
}


def backbones(checkpoint):
    return {
        "scratch": {"architecture": SCRATCH, "pretraining": {"objective": "mlm", **TRAINING}},
        "smae": {"start": "scratch", "pretraining": {"objective": "smae", **TRAINING}},
        "given": {
            "checkpoint": {"name": str(checkpoint)},
            "pretraining": {"objective": "matryoshka-mlm", **TRAINING},
        },
    }


@pytest.fixture
def prepared(tmp_path, tiny_checkpoint):
    """A run with its texts fetched: (config, paths)."""
    stories = {"stories": {"kind": "text", "source": "micro", "rows": 50}}
    systems = {"starbucks": {"backbone": "smae", "objective": "srl"}}
    config = tiny_config(datasets=stories, backbones=backbones(tiny_checkpoint), systems=systems)
    paths = RunPaths.of(config, tmp_path / "results")
    fetch_dataset(config, paths, "stories")
    return config, paths


class StopAt(TrainerCallback):
    def __init__(self, step):
        self.step = step

    def on_step_end(self, args, state, control, **_):
        if state.global_step == self.step:
            raise KeyboardInterrupt


def test_a_resumed_training_ends_with_the_weights_of_a_straight_one(prepared, monkeypatch):
    config, paths = prepared
    pretrain_backbone(config, paths, "scratch", 1)
    pretrain_backbone(config, paths, "smae", 1)
    folder = paths.backbone("smae", 1)
    straight = {name: sha256_of(folder / name) for name in read_manifest(folder)["files"]}
    assert {"model.safetensors", "decoder.safetensors", "tokenizer.json"} <= set(straight)
    shutil.rmtree(folder)

    for stop in (3, 7):
        with monkeypatch.context() as patched:
            trainer = run._InOrder

            def interrupted(*args, stop=stop, trainer=trainer, **kwargs):
                kwargs["callbacks"] = [*kwargs["callbacks"], StopAt(stop)]
                return trainer(*args, **kwargs)

            patched.setattr(run, "_InOrder", interrupted)
            with pytest.raises(KeyboardInterrupt):
                pretrain_backbone(config, paths, "smae", 1)
        assert not (folder / "manifest.json").exists()
    pretrain_backbone(config, paths, "smae", 1)
    assert {name: sha256_of(folder / name) for name in straight} == straight
    assert sorted(p.name for p in folder.iterdir()) == sorted(
        [*straight, "manifest.json", "train_log.jsonl"]
    )


def test_a_backbone_is_a_plain_hugging_face_folder(prepared):
    config, paths = prepared
    pretrain_backbone(config, paths, "scratch", 1)
    folder = paths.backbone("scratch", 1)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModel.from_pretrained(folder)
    assert model(**tokenizer(["the cat"], return_tensors="pt")).last_hidden_state.shape[-1] == 16
    assert len(tokenizer) == model.config.vocab_size <= 300
    manifest = read_manifest(folder, "pretrain")
    assert (manifest["steps"], manifest["documents"], manifest["seed"]) == (10, 50, 1)


def test_a_checkpoint_can_be_trained_on_and_keeps_its_tokenizer(prepared, tiny_checkpoint):
    config, paths = prepared
    fetch_checkpoint(config, paths, "given")
    pretrain_backbone(config, paths, "given", 1)
    folder = paths.backbone("given", 1)
    assert sha256_of(folder / "model.safetensors") != sha256_of(
        tiny_checkpoint / "model.safetensors"
    )
    assert (
        AutoTokenizer.from_pretrained(folder).get_vocab()
        == AutoTokenizer.from_pretrained(tiny_checkpoint).get_vocab()
    )
    assert not (folder / "decoder.safetensors").exists()


def test_another_seed_gives_other_weights_from_scratch(prepared):
    config, paths = prepared
    sums = set()
    for seed in (1, 2):
        pretrain_backbone(config, paths, "scratch", seed)
        sums.add(sha256_of(paths.backbone("scratch", seed) / "model.safetensors"))
    assert len(sums) == 2


def refused(prepared, tmp_path, change, message):
    config, paths = prepared
    folder = shutil.copytree(config.backbones["given"].checkpoint.name, tmp_path / "changed")
    change(folder)
    value = tiny_value(
        datasets={"stories": {"kind": "text", "source": "micro", "rows": 50}},
        backbones=backbones(folder),
        systems={"starbucks": {"backbone": "given", "objective": "srl"}},
    )
    config = tiny_config(**value)
    fetch_checkpoint(config, paths, "given")
    with pytest.raises(InputError, match=message):
        pretrain_backbone(config, paths, "given", 1)
    assert not (paths.backbone("given", 1) / "manifest.json").exists()


def test_a_tokenizer_without_mask_token_is_refused(prepared, tmp_path):
    def change(folder):
        tokenizer = AutoTokenizer.from_pretrained(folder)
        tokenizer.mask_token = None
        for name in ("tokenizer.json", "tokenizer_config.json"):
            (folder / name).unlink()
        tokenizer.save_pretrained(folder)

    refused(prepared, tmp_path, change, "no mask token")


def test_another_family_than_bert_is_refused_by_name(prepared, tmp_path):
    def change(folder):
        made = DistilBertConfig(dim=16, n_layers=4, n_heads=2, hidden_dim=32, vocab_size=50)
        DistilBertModel(made).save_pretrained(folder)
        text = (folder / "config.json").read_text()
        (folder / "config.json").write_text(
            text.replace("{", '{"num_hidden_layers": 4, "hidden_size": 16,', 1)
        )

    refused(prepared, tmp_path, change, "type 'bert', this is a 'distilbert'")
