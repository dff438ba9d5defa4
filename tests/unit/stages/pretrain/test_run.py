"""Pre-training one backbone: resumed equals straight, starts chain, bad starts are refused."""

import json
import shutil
from collections import Counter

import pytest
import torch
from safetensors.torch import load_file, save_file
from scipy.stats import entropy
from transformers import AutoModel, AutoTokenizer, TrainerCallback

from starbench.errors import InputError
from starbench.machine.files import sha256_of
from starbench.run.paths import RunPaths
from starbench.stages.data.checkpoints import fetch_checkpoint
from starbench.stages.data.fetch import fetch_dataset
from starbench.stages.pretrain import run
from starbench.stages.pretrain.examples import MaskedExamples
from starbench.stages.pretrain.run import from_start, pretrain_backbone
from starbench.store.manifest import read_manifest
from starbench.store.records import read_records
from starbench.training.checkpoints import write_hashes
from tests.families.models import write_checkpoint
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


def stop_at(patched, step):
    """Let trainings be interrupted at the end of a step."""

    def interrupted(*args, trainer=run._InOrder, **kwargs):
        kwargs["callbacks"] = [*kwargs["callbacks"], StopAt(step)]
        return trainer(*args, **kwargs)

    patched.setattr(run, "_InOrder", interrupted)


@pytest.mark.parametrize("backbone", ["scratch", "smae"])
def test_a_resumed_training_ends_with_the_weights_of_a_straight_one(
    prepared, monkeypatch, backbone
):
    config, paths = prepared
    pretrain_backbone(config, paths, "scratch", 1)
    if backbone == "smae":
        pretrain_backbone(config, paths, "smae", 1)
    folder = paths.backbone(backbone, 1)
    straight = {name: sha256_of(folder / name) for name in read_manifest(folder)["files"]}
    assert {"model.safetensors", "config.json", "tokenizer.json"} <= set(straight)
    assert ("decoder.safetensors" in straight) == (backbone == "smae")
    shutil.rmtree(folder)

    for stop in (3, 7):
        with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
            stop_at(patched, stop)
            pretrain_backbone(config, paths, backbone, 1)
        assert not (folder / "manifest.json").exists()
        # Dropout must follow from the seed and the step, not from a generator's stored state.
        for state in folder.glob("checkpoints/*/rng_state*"):
            state.unlink()
            write_hashes(state.parent)
    pretrain_backbone(config, paths, backbone, 1)
    assert {name: sha256_of(folder / name) for name in straight} == straight
    assert sorted(p.name for p in folder.iterdir()) == sorted(
        [*straight, "manifest.json", "train_log.jsonl"]
    )


def test_examples_are_read_once_in_order_and_a_resume_reads_only_the_rest(prepared, monkeypatch):
    config, paths = prepared
    read = []
    original = MaskedExamples.__getitem__

    def recorded(self, position):
        read.append(position)
        return original(self, position)

    monkeypatch.setattr(MaskedExamples, "__getitem__", recorded)
    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        stop_at(patched, 7)
        pretrain_backbone(config, paths, "scratch", 1)
    assert read[:28] == list(range(28))  # the loader may have fetched the next batch by then
    assert len(read) <= 32
    read.clear()
    pretrain_backbone(config, paths, "scratch", 1)
    assert read == list(range(24, 40))  # the last checkpoint is that of step 6


def test_a_backbone_is_a_plain_hugging_face_folder(prepared):
    config, paths = prepared
    pretrain_backbone(config, paths, "scratch", 1)
    folder = paths.backbone("scratch", 1)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModel.from_pretrained(folder)
    assert model(**tokenizer(["the cat"], return_tensors="pt")).last_hidden_state.shape[-1] == 16
    assert len(tokenizer) == model.config.vocab_size <= 300
    modes = {path.stat().st_mode for path in folder.iterdir() if path.name != "training.lock"}
    assert len(modes) == 1, "weights can be read by whom the other files can be"
    manifest = read_manifest(folder, "pretrain")
    assert (manifest["steps"], manifest["documents"], manifest["seed"]) == (10, 50, 1)


def test_a_backbone_in_half_precision_is_the_rounded_one_and_loads_in_float32(prepared):
    _, paths = prepared
    saved = {}
    for stored in ("float32", "float16"):
        training = TRAINING | {"objective": "smae", "weights": stored}
        changed = tiny_config(
            datasets={"stories": {"kind": "text", "source": "micro", "rows": 50}},
            backbones={"scratch": {"architecture": SCRATCH, "pretraining": training}},
            systems={"starbucks": {"backbone": "scratch", "objective": "srl"}},
        )
        pretrain_backbone(changed, paths, "scratch", 1)
        folder = paths.backbone("scratch", 1)
        files = ("model.safetensors", "decoder.safetensors")
        saved[stored] = [load_file(folder / name) for name in files]
    for whole, half in zip(*saved.values(), strict=True):
        assert whole.keys() == half.keys()
        assert all(half[name].equal(tensor.half()) for name, tensor in whole.items())
    loaded, _ = from_start(folder, 1)
    name, weight = next(iter(loaded.named_parameters()))
    assert weight.dtype == torch.float32
    assert weight.equal(saved["float16"][0][name].float())


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


def test_a_backbone_from_scratch_is_the_same_each_time(prepared):
    config, paths = prepared
    made = []
    for _ in range(2):
        pretrain_backbone(config, paths, "scratch", 1)
        made.append(read_manifest(paths.backbone("scratch", 1))["files"])
        shutil.rmtree(paths.backbone("scratch", 1))
    assert made[0] == made[1]


def test_the_log_has_every_sizes_own_losses(prepared):
    config, paths = prepared
    pretrain_backbone(config, paths, "scratch", 1)
    pretrain_backbone(config, paths, "smae", 1)
    lines = (paths.backbone("smae", 1) / "train_log.jsonl").read_text().splitlines()
    logged = [json.loads(line) for line in lines if '"loss"' in line]
    assert [line["step"] for line in logged] == [2, 4, 6, 8, 10]
    for line in logged:
        terms = [line[f"{term}-{size}"] for term in ("mlm", "mae") for size in config.trained_sizes]
        assert sum(terms) / len(terms) == pytest.approx(line["loss"], rel=1e-4)
    manifest = read_manifest(paths.backbone("smae", 1), "pretrain")
    assert manifest["full_mlm_loss"] == logged[-1][f"mlm-{config.trained_sizes[-1]}"]


def test_the_loss_of_token_frequencies_is_their_entropy(prepared):
    config, paths = prepared
    pretrain_backbone(config, paths, "scratch", 1)
    folder = paths.backbone("scratch", 1)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    texts = list(read_records(paths.dataset("stories"))["text"])
    counts = Counter(
        token for ids in tokenizer(texts, add_special_tokens=False)["input_ids"] for token in ids
    )
    found = read_manifest(folder, "pretrain")["frequency_loss"]
    assert found == pytest.approx(entropy(list(counts.values())), abs=1e-4)


@pytest.mark.parametrize(
    "change",
    [{"gradient_checkpointing": True}, {"checkpoint_every": 3}, {"log_every": 5}],
    ids=lambda change: next(iter(change)),
)
def test_how_memory_is_spared_and_progress_is_kept_leaves_the_weights_alone(prepared, change):
    _, paths = prepared
    weights = []
    for training in (TRAINING, TRAINING | change):
        scratch = {"architecture": SCRATCH, "pretraining": {"objective": "smae", **training}}
        value = {"stories": {"kind": "text", "source": "micro", "rows": 50}}
        systems = {"starbucks": {"backbone": "scratch", "objective": "srl"}}
        changed = tiny_config(datasets=value, backbones={"scratch": scratch}, systems=systems)
        pretrain_backbone(changed, paths, "scratch", 1)
        weights.append(load_file(paths.backbone("scratch", 1) / "model.safetensors"))
    for name, weight in weights[0].items():
        torch.testing.assert_close(weights[1][name], weight, rtol=1e-5, atol=1e-6)


def test_a_backbone_of_another_run_is_used_if_it_was_made_with_the_same_keys(
    prepared, tiny_checkpoint
):
    config, paths = prepared
    pretrain_backbone(config, paths, "scratch", 1)

    def other(**change):
        made = backbones(tiny_checkpoint)
        made["scratch"] |= {"run": config.run}
        made["scratch"]["pretraining"] = {**made["scratch"]["pretraining"], **change}
        stories = {"stories": {"kind": "text", "source": "micro", "rows": 50}}
        systems = {"starbucks": {"backbone": "smae", "objective": "srl"}}
        own = tiny_config(run="other", datasets=stories, backbones=made, systems=systems)
        return own, RunPaths.of(own, paths.root.parent)

    own, own_paths = other(checkpoint_every=5)
    fetch_dataset(own, own_paths, "stories")
    pretrain_backbone(own, own_paths, "smae", 1)
    pretrain_backbone(config, paths, "smae", 1)
    ours, theirs = (made.backbone("smae", 1) / "model.safetensors" for made in (own_paths, paths))
    assert sha256_of(ours) == sha256_of(theirs)
    with pytest.raises(InputError, match="'scratch' is taken from run 'tiny': nothing to train"):
        pretrain_backbone(own, own_paths, "scratch", 1)
    changed, changed_paths = other(learning_rate=2.0e-3)
    message = "backbone 'scratch' of run 'tiny' was made with another pretraining: .*seed-1 has"
    with pytest.raises(InputError, match=message):
        pretrain_backbone(changed, changed_paths, "smae", 1)


def test_several_datasets_are_read_one_after_another(prepared):
    config, paths = prepared
    training = TRAINING | {"datasets": ["stories", "more"]}
    value = tiny_value(
        datasets={
            "stories": {"kind": "text", "source": "micro", "rows": 50},
            "more": {"kind": "text", "source": "micro", "rows": 20, "seed": 9},
        },
        backbones={
            "both": {"architecture": SCRATCH, "pretraining": {"objective": "mlm"} | training}
        },
        systems={"starbucks": {"backbone": "both", "objective": "srl"}},
    )
    config = tiny_config(**value)
    fetch_dataset(config, paths, "more")
    pretrain_backbone(config, paths, "both", 1)
    manifest = read_manifest(paths.backbone("both", 1))
    assert manifest["documents"] == 70
    assert len(manifest["inputs"]) == 2


def test_a_missing_head_is_made_from_the_seed_and_said_so(tiny_checkpoint, tmp_path, caplog):
    AutoModel.from_pretrained(tiny_checkpoint).save_pretrained(tmp_path)
    AutoTokenizer.from_pretrained(tiny_checkpoint).save_pretrained(tmp_path)
    with caplog.at_level("INFO", logger="starbench"):
        first, _ = from_start(tmp_path, 1)
    assert "no masked-language-model head" in caplog.text
    again, _ = from_start(tmp_path, 1)
    other, _ = from_start(tmp_path, 2)
    given = AutoModel.from_pretrained(tiny_checkpoint).state_dict()
    for name, weight in first.bert.state_dict().items():
        assert torch.equal(weight, given[name])
    head, same, else_ = (m.cls.predictions.transform.dense.weight for m in (first, again, other))
    assert torch.equal(head, same)
    assert not torch.equal(head, else_)
    assert first.cls.predictions.decoder.weight is first.bert.embeddings.word_embeddings.weight


def test_a_checkpoint_with_its_head_keeps_it(tiny_checkpoint):
    model, _ = from_start(tiny_checkpoint, 1)
    stored = load_file(tiny_checkpoint / "model.safetensors")
    name = "cls.predictions.transform.dense.weight"
    assert torch.equal(model.state_dict()[name], stored[name])


def test_a_checkpoint_that_lacks_a_layer_is_refused(prepared, tmp_path):
    def change(folder):
        weights = load_file(folder / "model.safetensors")
        kept = {name: w for name, w in weights.items() if ".layer.3." not in name}
        save_file(kept, folder / "model.safetensors", metadata={"format": "pt"})

    refused(prepared, tmp_path, change, r"lacks 16 weights of the encoder, e.g. encoder.layer.3")


def test_a_window_beyond_the_backbones_positions_is_refused(prepared, tmp_path):
    def change(folder):
        weights = load_file(folder / "model.safetensors")
        name = "bert.embeddings.position_embeddings.weight"
        save_file(
            weights | {name: weights[name][:16].clone()},
            folder / "model.safetensors",
            metadata={"format": "pt"},
        )
        text = (folder / "config.json").read_text()
        (folder / "config.json").write_text(
            text.replace('"max_position_embeddings": 32', '"max_position_embeddings": 16')
        )

    message = r"pretraining\.max_length: 24 tokens, but checkpoint .* has 16 positions"
    refused(prepared, tmp_path, change, message)


def test_a_text_dataset_that_was_never_fetched_is_refused(prepared):
    config, paths = prepared
    shutil.rmtree(paths.dataset("stories"))
    with pytest.raises(InputError, match="stories is not finished"):
        pretrain_backbone(config, paths, "scratch", 1)
    assert not (paths.backbone("scratch", 1) / "manifest.json").exists()


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
    with pytest.raises(InputError, match=message):
        fetch_checkpoint(config, paths, "given")
        pretrain_backbone(config, paths, "given", 1)
    assert not (paths.backbone("given", 1) / "manifest.json").exists()


def test_a_tokenizer_without_mask_token_is_refused(prepared, tmp_path):
    def change(folder):
        tokenizer = AutoTokenizer.from_pretrained(folder)
        tokenizer.mask_token = None
        for name in ("tokenizer.json", "tokenizer_config.json"):
            (folder / name).unlink()
        tokenizer.save_pretrained(folder)

    refused(prepared, tmp_path, change, "its tokenizer has no mask_token, which the run needs")


def test_a_family_without_a_head_is_refused_by_name(prepared, tmp_path):
    def change(folder):
        write_checkpoint(folder, "electra")

    refused(prepared, tmp_path, change, "'mpnet' or 'modernbert', this is a 'electra'")
