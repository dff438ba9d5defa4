"""The loss of every step is seen: one that is not a number ends the training, and saves nothing."""

import os

import pytest
import torch

from starbench.errors import NotFiniteError
from starbench.run.paths import RunPaths
from starbench.stages.data.checkpoints import fetch_checkpoint
from starbench.stages.data.fetch import fetch_dataset
from starbench.stages.pretrain import run as pretraining
from starbench.stages.pretrain.run import pretrain_backbone
from starbench.store.manifest import read_manifest
from tests.unit.process_group import found_by_two, join_group, leave_group
from tests.unit.training.spoilt import LAST, Watch, config_of, spoilt

BOTH = pytest.mark.parametrize("what", ["pretrain", "finetune"])


def saved_steps(root):
    return sorted(int(path.name.rpartition("-")[2]) for path in root.rglob("checkpoint-*"))


def nothing_is_finished(root):
    made = [path for name in ("backbones", "models") for path in (root / name).rglob("*")]
    names = {path.name for path in made if "checkpoints" not in path.parts}
    return not names & {"manifest.json", "model.safetensors"}


@BOTH
@pytest.mark.parametrize("options", [{}, {"accumulation": 2, "part": 0}])
@pytest.mark.parametrize("step", [LAST, LAST - 1])
def test_a_loss_after_the_last_line_of_the_log_ends_the_training(
    work, tmp_path, what, step, options
):
    settings = {"log_every": 8, "checkpoint_every": 50, "kind": "value"} | options
    message = rf"seed 1: the loss is not a finite number at step {step}; lower learning_rate or"
    with pytest.raises(NotFiniteError, match=message):
        work(what, steps=[step - 1], **settings)
    assert nothing_is_finished(tmp_path / "results" / "tiny")


@BOTH
def test_the_first_wrong_step_is_named_and_no_checkpoint_follows_it(work, tmp_path, what):
    with pytest.raises(NotFiniteError, match=r"the loss is not a finite number at step 5;"):
        work(what, steps=[4, 5, 6], kind="value", log_every=10, checkpoint_every=2)
    assert saved_steps(tmp_path / "results") == [2, 4]
    assert nothing_is_finished(tmp_path / "results" / "tiny")


@BOTH
@pytest.mark.parametrize("accumulation", [1, 2])
def test_the_final_loss_is_that_of_the_last_step(work, what, accumulation):
    made = work(what, steps=(), accumulation=accumulation, log_every=4)
    parts = made.losses[LAST - 1]
    assert len(parts) == accumulation
    assert read_manifest(made.folder)["final_loss"] == pytest.approx(sum(parts), rel=1e-6)


@BOTH
def test_a_training_that_was_killed_after_its_last_checkpoint_still_knows_it(work, what):
    killed = work(what, steps=(), stop=LAST, saved=True)
    made = work(what, steps=())
    assert not made.losses, "nothing is left to train"
    expected = sum(killed.losses[LAST - 1])
    assert read_manifest(made.folder)["final_loss"] == pytest.approx(expected, rel=1e-6)


@BOTH
def test_a_skipped_step_is_not_the_last_one(work, what):
    made = work(what, steps=[LAST - 1], kind="loss")
    expected = sum(made.losses[LAST - 2])
    manifest = read_manifest(made.folder)
    assert manifest["final_loss"] == pytest.approx(expected, rel=1e-6)
    assert manifest["skipped_steps"] == 1


class SpoilWeights(Watch):
    """Makes a weight infinite after a step, as an update of it may."""

    def on_step_end(self, args, state, control, model, **options):
        super().on_step_end(args, state, control, model, **options)
        if state.global_step == self.stop:
            next(model.parameters()).data.view(-1)[0] = torch.inf


@BOTH
@pytest.mark.parametrize("every", [2, 50])
def test_weights_that_are_no_finite_numbers_are_not_saved(work, tmp_path, what, every):
    watch = SpoilWeights(LAST, saved=True)
    message = rf"there are weights that are not finite numbers after step {LAST}; lower"
    with pytest.raises(NotFiniteError, match=message):
        work(what, steps=(), watch=watch, checkpoint_every=every)
    assert LAST not in saved_steps(tmp_path / "results")
    assert nothing_is_finished(tmp_path / "results" / "tiny")


def train(number, count, folder, checkpoint, steps, results):
    os.environ |= {"LOCAL_RANK": str(number), "LOCAL_WORLD_SIZE": str(count)}
    join_group(number, count, folder)
    config = config_of(checkpoint, log_every=8, checkpoint_every=50)
    trainer = spoilt(pretraining._InOrder, steps, "value", on_rank=1)
    pretraining._InOrder = trainer
    try:
        pretrain_backbone(config, RunPaths.of(config, folder / "results"), "made", 1)
        results.put((number, sum(trainer.losses[LAST - 1])))
    except NotFiniteError as error:
        results.put((number, str(error)))
    leave_group(results)


@pytest.fixture
def trained_by_two(tmp_path, tiny_checkpoint):
    """Pre-trains in two processes; returns what each found, and the folder."""
    config = config_of(tiny_checkpoint)
    paths = RunPaths.of(config, tmp_path / "results")
    fetch_dataset(config, paths, "stories")
    fetch_checkpoint(config, paths, "tiny")

    def run(steps):
        found = sorted(found_by_two(train, 2, tmp_path, tiny_checkpoint, steps))
        return [value for _, value in found], paths.backbone("made", 1)

    return run


def test_all_processes_end_when_the_loss_of_one_is_no_number(trained_by_two):
    found, folder = trained_by_two((LAST - 1,))
    assert len(set(found)) == 1
    assert f"the loss is not a finite number at step {LAST};" in found[0]
    assert not (folder / "manifest.json").exists()


def test_the_final_loss_of_several_processes_is_their_mean(trained_by_two):
    found, folder = trained_by_two(())
    assert read_manifest(folder)["final_loss"] == pytest.approx(sum(found) / 2, rel=1e-6)
