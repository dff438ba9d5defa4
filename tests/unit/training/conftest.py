"""Fixtures: a training that is spoilt as told."""

from types import SimpleNamespace

import pytest

from starbench.run.paths import RunPaths
from starbench.stages.data.checkpoints import fetch_checkpoint
from starbench.stages.data.fetch import fetch_dataset
from starbench.stages.finetune import run as finetuning
from starbench.stages.finetune.run import finetune_model
from starbench.stages.pretrain import run as pretraining
from starbench.stages.pretrain.run import pretrain_backbone
from tests.unit.training.spoilt import CHANGED, Watch, config_of, spoilt


@pytest.fixture
def work(tmp_path, tiny_checkpoint, monkeypatch):
    """Runs one of the two trainings, spoilt as told; returns what watched it and its folder."""

    def run(
        what,
        steps=(CHANGED,),
        stop=None,
        kind="gradient",
        part=None,
        saved=False,
        watch=None,
        **settings,
    ):
        config = config_of(tiny_checkpoint, **settings)
        paths = RunPaths.of(config, tmp_path / "results")
        for dataset in ("stories", "train"):
            if not paths.dataset(dataset).is_dir():
                fetch_dataset(config, paths, dataset)
        if not paths.checkpoint("tiny").is_dir():
            fetch_checkpoint(config, paths, "tiny")
        module, name = (
            (pretraining, "_InOrder") if what == "pretrain" else (finetuning, "FinetuningTrainer")
        )
        watch = watch or Watch(stop, saved)
        with monkeypatch.context() as patched:
            trainer = spoilt(getattr(module, name), steps, kind, part)

            def made(*args, **kwargs):
                return trainer(*args, **{**kwargs, "callbacks": [*kwargs["callbacks"], watch]})

            patched.setattr(module, name, made)
            try:
                if what == "pretrain":
                    pretrain_backbone(config, paths, "made", 1)
                else:
                    finetune_model(config, paths, "sts", "tiny-srl", 1)
            except KeyboardInterrupt:
                assert stop is not None
        folder = (
            paths.backbone("made", 1) if what == "pretrain" else paths.model("sts", "tiny-srl", 1)
        )
        return SimpleNamespace(
            weights=watch.weights,
            losses=trainer.losses,
            folder=folder,
            config=config,
            paths=paths,
        )

    return run
