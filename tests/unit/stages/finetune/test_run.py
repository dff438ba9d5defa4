"""Fine-tuning one model: resumed equals straight, and every objective runs through the trainer."""

import shutil

import pytest
from datasets import Dataset
from safetensors.torch import load_file
from sentence_transformers import (
    SentenceTransformer,
    SentenceTransformerTrainer,
    SentenceTransformerTrainingArguments,
)
from sentence_transformers.sentence_transformer.losses import (
    CoSENTLoss,
    MultipleNegativesRankingLoss,
)
from transformers import TrainerCallback

from starbench import Size, StarbucksLoss
from starbench.config.training import Finetuning
from starbench.errors import InputError
from starbench.machine.files import sha256_of
from starbench.objectives import OBJECTIVES
from starbench.run.paths import RunPaths
from starbench.stages.data.checkpoints import fetch_checkpoint
from starbench.stages.data.fetch import fetch_dataset
from starbench.stages.finetune import run
from starbench.stages.finetune.order import order_of
from starbench.stages.finetune.run import finetune_model, ordered
from starbench.store.manifest import read_manifest
from tests.conftest import triplet_texts
from tests.unit.runs import tiny_config, tiny_value

SYSTEMS = {
    f"tiny-{name}": {"backbone": "tiny", "objective": name}
    for name, objective in OBJECTIVES.items()
    if objective.losses is None
}
# The tiny model has fewer dimensions than the default.
SYSTEMS["tiny-ese"]["overrides"] = {"sts": {"options": {"compressed_dim": 4}}}


@pytest.fixture
def prepared(tmp_path, tiny_checkpoint):
    """A run with its data and checkpoint fetched: (config, paths)."""
    config = tiny_config(
        backbones={"tiny": {"checkpoint": {"name": str(tiny_checkpoint)}}}, systems=SYSTEMS
    )
    paths = RunPaths.of(config, tmp_path / "results")
    fetch_dataset(config, paths, "train")
    fetch_checkpoint(config, paths, "tiny")
    return config, paths


def weights_of(folder):
    return sha256_of(folder / "model" / "model.safetensors")


class StopAt(TrainerCallback):
    """Ends the process's work in the middle of a training, as a kill would."""

    def __init__(self, step):
        self.step = step

    def on_step_end(self, args, state, control, **_):
        if state.global_step == self.step:
            raise KeyboardInterrupt


@pytest.mark.parametrize("name", ["tiny-2dmse", "tiny-srl", "tiny-ese"])
def test_a_resumed_training_ends_with_the_weights_of_a_straight_one(prepared, monkeypatch, name):
    config, paths = prepared
    folder = paths.model("sts", name, 1)
    finetune_model(config, paths, "sts", name, 1)
    straight = weights_of(folder)
    log = (folder / "train_log.jsonl").read_text().splitlines()
    shutil.rmtree(folder)

    for stop in (3, 5, 8):  # checkpoints are kept every 2 steps: some work is done again
        with monkeypatch.context() as patched:
            trainer = run.FinetuningTrainer

            def interrupted(*args, stop=stop, trainer=trainer, **kwargs):
                kwargs["callbacks"] = [*kwargs["callbacks"], StopAt(stop)]
                return trainer(*args, **kwargs)

            patched.setattr(run, "FinetuningTrainer", interrupted)
            with pytest.raises(KeyboardInterrupt):
                finetune_model(config, paths, "sts", name, 1)
        assert not (folder / "manifest.json").exists()
        assert (folder / "checkpoints").is_dir()

    finetune_model(config, paths, "sts", name, 1)
    assert weights_of(folder) == straight
    resumed_log = (folder / "train_log.jsonl").read_text().splitlines()
    assert [line.split(", ")[:2] for line in resumed_log[:-1]] == [
        line.split(", ")[:2] for line in log[:-1]
    ]
    assert not (folder / "checkpoints").exists()


class StopAtTheEnd(TrainerCallback):
    def on_train_end(self, args, state, control, **_):
        raise KeyboardInterrupt


def test_a_training_that_is_killed_after_its_last_step_saves_the_same_files(prepared, monkeypatch):
    """Nothing is tokenized any more: a tokenizer stores how it cut and padded its last batch."""
    config, paths = prepared
    folder = paths.model("sts", "tiny-srl", 1)
    finetune_model(config, paths, "sts", "tiny-srl", 1)
    files = read_manifest(folder)["files"]
    shutil.rmtree(folder)
    with monkeypatch.context() as patched:
        trainer = run.FinetuningTrainer

        def interrupted(*args, **kwargs):
            kwargs["callbacks"] = [*kwargs["callbacks"], StopAtTheEnd()]
            return trainer(*args, **kwargs)

        patched.setattr(run, "FinetuningTrainer", interrupted)
        with pytest.raises(KeyboardInterrupt):
            finetune_model(config, paths, "sts", "tiny-srl", 1)
    assert (folder / "checkpoints" / "checkpoint-10").is_dir()
    finetune_model(config, paths, "sts", "tiny-srl", 1)
    assert read_manifest(folder)["files"] == files


def test_checkpoints_of_another_config_are_not_resumed(prepared, tiny_checkpoint, monkeypatch):
    config, paths = prepared
    with monkeypatch.context() as patched:
        trainer = run.FinetuningTrainer
        patched.setattr(
            run,
            "FinetuningTrainer",
            lambda *a, **k: trainer(*a, **{**k, "callbacks": [*k["callbacks"], StopAt(5)]}),
        )
        with pytest.raises(KeyboardInterrupt):
            finetune_model(config, paths, "sts", "tiny-srl", 1)
    tracks = tiny_value()["tracks"]
    tracks["sts"]["finetuning"]["learning_rate"] = 5.0e-3
    changed = tiny_config(
        backbones={"tiny": {"checkpoint": {"name": str(tiny_checkpoint)}}},
        systems=SYSTEMS,
        tracks=tracks,
    )
    finetune_model(changed, paths, "sts", "tiny-srl", 1)
    resumed = weights_of(paths.model("sts", "tiny-srl", 1))
    shutil.rmtree(paths.model("sts", "tiny-srl", 1))
    finetune_model(changed, paths, "sts", "tiny-srl", 1)
    assert weights_of(paths.model("sts", "tiny-srl", 1)) == resumed


@pytest.mark.parametrize("system", sorted(SYSTEMS))
def test_every_objective_trains_a_model_that_sentence_transformers_loads(prepared, system):
    config, paths = prepared
    name = f"{system}-n2-d8" if system == "tiny-separate" else system
    finetune_model(config, paths, "sts", name, 1)
    folder = paths.model("sts", name, 1)
    model = SentenceTransformer(str(folder / "model"), device="cpu")
    layers = 2 if system == "tiny-separate" else 4
    assert len(model[0].auto_model.encoder.layer) == layers
    assert model.encode("a red boat").shape == (16,)
    before = load_file(paths.checkpoint("tiny") / "model.safetensors")
    after = load_file(folder / "model" / "model.safetensors")
    same = before["bert.encoder.layer.0.output.dense.weight"].equal(
        after["encoder.layer.0.output.dense.weight"]
    )
    assert same == (system == "tiny-untouched")
    trained = {"tiny-untouched": [], "tiny-separate": [[2, 16]], "tiny-single": [[4, 16]]}
    told = getattr(model[0].auto_model.config, "matryoshka_sizes", [])
    assert [4, 16] in told if system not in trained else told == trained[system]
    manifest = read_manifest(folder, "finetune")
    assert manifest["files"]["model/model.safetensors"] == weights_of(folder)
    assert len(manifest["inputs"]) == (1 if system == "tiny-untouched" else 2)


def test_scored_pairs_are_trained_on_with_cosent(prepared, tiny_checkpoint):
    _, paths = prepared
    tracks = tiny_value()["tracks"]
    tracks["sts"]["finetuning"] |= {"dataset": "test", "loss": "cosent"}
    config = tiny_config(
        backbones={"tiny": {"checkpoint": {"name": str(tiny_checkpoint)}}},
        systems={"tiny-srl": SYSTEMS["tiny-srl"]},
        tracks=tracks,
    )
    fetch_dataset(config, paths, "test")
    finetune_model(config, paths, "sts", "tiny-srl", 1)
    manifest = read_manifest(paths.model("sts", "tiny-srl", 1), "finetune")
    assert manifest["negatives_per_query"] == 0
    assert manifest["final_loss"] > 0
    assert weights_of(paths.model("sts", "tiny-srl", 1)) != sha256_of(
        paths.checkpoint("tiny") / "model.safetensors"
    )


def test_training_can_be_watched_in_tensorboard(prepared, tiny_checkpoint):
    _, paths = prepared
    tracks = tiny_value()["tracks"]
    tracks["sts"]["finetuning"] |= {"log_to": ["tensorboard"]}
    config = tiny_config(
        backbones={"tiny": {"checkpoint": {"name": str(tiny_checkpoint)}}},
        systems=SYSTEMS,
        tracks=tracks,
    )
    finetune_model(config, paths, "sts", "tiny-srl", 1)
    events = list((paths.model("sts", "tiny-srl", 1) / "tensorboard").rglob("events.*"))
    assert events
    assert events[0].stat().st_size > 100


def test_another_seed_gives_another_model_and_the_same_seed_the_same(prepared):
    config, paths = prepared
    sums = []
    for seed in (1, 2, 1):
        shutil.rmtree(paths.model("sts", "tiny-srl", seed), ignore_errors=True)
        finetune_model(config, paths, "sts", "tiny-srl", seed)
        sums.append(weights_of(paths.model("sts", "tiny-srl", seed)))
    assert sums[0] == sums[2] != sums[1]


def test_examples_stand_in_training_order_with_their_label_last():
    rows = Dataset.from_dict({"score": [n / 10 for n in range(10)], "anchor": list("abcdefghij")})
    rows = rows.select_columns(["anchor", "score"])
    order = order_of(10, 6, Finetuning(dataset="d", batch_size=4, steps=6, learning_rate=1), seed=3)
    made = ordered(rows, order)
    assert made.column_names == ["anchor", "label"]
    assert made["anchor"][:] == [rows["anchor"][row] for row in order.rows]


def test_a_backbone_that_is_not_there_is_named(prepared):
    config, paths = prepared
    shutil.rmtree(paths.checkpoint("tiny"))
    with pytest.raises(InputError, match=r"tiny is not finished: it has no manifest\.json"):
        finetune_model(config, paths, "sts", "tiny-srl", 1)


def test_a_training_without_a_finite_gradient_stops_the_training(prepared, tiny_checkpoint):
    _, paths = prepared
    tracks = tiny_value()["tracks"]
    tracks["sts"]["finetuning"] |= {"learning_rate": 1e30, "max_grad_norm": 0}
    config = tiny_config(
        backbones={"tiny": {"checkpoint": {"name": str(tiny_checkpoint)}}},
        systems=SYSTEMS,
        tracks=tracks,
    )
    message = r"tiny-srl seed 1: the gradient was not a finite number"
    with pytest.raises(FloatingPointError, match=message):
        finetune_model(config, paths, "sts", "tiny-srl", 1)
    assert not (paths.model("sts", "tiny-srl", 1) / "manifest.json").exists()


@pytest.mark.parametrize("base", [MultipleNegativesRankingLoss, CoSENTLoss])
def test_starbucks_loss_works_in_anyones_trainer_script(tiny_model, tmp_path, base):
    anchors, positives, _ = triplet_texts()
    data = {"anchor": anchors, "positive": positives}
    if base is CoSENTLoss:
        data["label"] = [0.1, 0.9, 0.4, 0.2, 0.8, 0.5]
    before = tiny_model.encode("a red boat")
    arguments = SentenceTransformerTrainingArguments(
        output_dir=str(tmp_path),
        max_steps=3,
        per_device_train_batch_size=6,
        use_cpu=True,
        report_to="none",
        save_strategy="no",
        learning_rate=1e-2,
        disable_tqdm=True,
    )
    SentenceTransformerTrainer(
        model=tiny_model,
        args=arguments,
        train_dataset=Dataset.from_dict(data),
        loss=StarbucksLoss(tiny_model, base(tiny_model), [Size(1, 4), Size(2, 8), Size(4, 16)]),
    ).train()
    assert abs(tiny_model.encode("a red boat") - before).max() > 1e-3
