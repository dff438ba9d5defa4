"""A tiny run on labelled texts, for tests of the stages that it goes through."""

from starbench.run.paths import RunPaths
from starbench.stages.data.checkpoints import fetch_checkpoint
from starbench.stages.data.fetch import fetch_dataset
from tests.unit.runs import tiny_config

TRACK = "classification"
FINETUNING = {
    "dataset": "train", "loss": "softmax", "batch_size": 16, "steps": 6, "learning_rate": 1.0e-3,
    "head_learning_rate": 1.0e-2, "dropout": 0.1, "checkpoint_every": 2, "log_every": 2,
}  # fmt: skip
SYSTEMS = {
    "floor": {"backbone": "tiny", "objective": "untouched"},
    "mrl": {"backbone": "tiny", "objective": "softmax"},
    "mrl-e": {
        "backbone": "tiny",
        "objective": "softmax",
        "overrides": {TRACK: {"options": {"heads": "shared", "over": "sizes"}}},
    },
    "probe": {
        "backbone": "tiny",
        "objective": "softmax",
        "overrides": {TRACK: {"options": {"encoder": "frozen"}}},
    },
    "ff": {
        "backbone": "tiny",
        "objective": "separate",
        "overrides": {TRACK: {"options": {"train_dim": "own"}}},
    },
}


def labelled_config(tiny_checkpoint, systems=SYSTEMS, finetuning=FINETUNING, **track):
    """Return the config of a run on generated labelled texts."""
    micro = {"kind": "labelled", "source": "micro"}
    return tiny_config(
        datasets={
            "train": micro | {"rows": 160, "split": "train"},
            "test": micro | {"rows": 60, "examples": "train"},
        },
        backbones={"tiny": {"checkpoint": {"name": str(tiny_checkpoint)}}},
        systems=systems,
        tracks={TRACK: {"tasks": ["test"], "finetuning": finetuning, **track}},
        report={"resamples": 100},
    )


def prepared(tmp_path, config):
    """Fetch the data and the checkpoint of a run; return its paths."""
    paths = RunPaths.of(config, tmp_path / "results")
    for name in ("train", "test"):
        fetch_dataset(config, paths, name)
    fetch_checkpoint(config, paths, "tiny")
    return paths
