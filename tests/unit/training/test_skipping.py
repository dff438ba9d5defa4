"""A step whose gradient is not finite is skipped and counted; too many end the training."""

import json
import math
import os

import pytest
import torch
from accelerate import Accelerator
from accelerate.optimizer import AcceleratedOptimizer
from safetensors.torch import load_file
from transformers import TrainerControl, TrainerState

from starbench.cli import main
from starbench.errors import NotFiniteError
from starbench.machine.files import sha256_of
from starbench.run.paths import RunPaths
from starbench.stages.data.checkpoints import fetch_checkpoint
from starbench.stages.data.fetch import fetch_dataset
from starbench.stages.pretrain import run as pretraining
from starbench.stages.pretrain.run import pretrain_backbone
from starbench.stages.report.provenance import skipped_steps
from starbench.store.manifest import read_manifest
from starbench.training.skipping import SkipNotFinite
from tests.unit.process_group import found_by_two, join_group, leave_group
from tests.unit.training.spoilt import (
    CHANGED,
    LAST,
    Watch,
    config_of,
    same,
    spoilt,
    weights_file,
)


@pytest.mark.parametrize("kind", ["gradient", "loss"])
@pytest.mark.parametrize("what", ["pretrain", "finetune"])
def test_a_step_without_a_finite_gradient_leaves_the_weights_and_is_counted(work, what, kind):
    made = work(what, kind=kind)
    assert same(made.weights[CHANGED], made.weights[CHANGED + 1])
    for step in set(range(2, LAST + 1)) - {CHANGED + 1}:
        assert not same(made.weights[step - 1], made.weights[step])
    for weight in load_file(weights_file(made.folder)).values():
        assert weight.isfinite().all()
    manifest = read_manifest(made.folder)
    assert (manifest["skipped_steps"], manifest["steps"]) == (1, LAST)
    assert manifest["final_loss"] > 0
    lines = (made.folder / "train_log.jsonl").read_text().splitlines()
    logged = [json.loads(line) for line in lines if '"loss"' in line]
    assert [line.get("skipped_steps", 0) for line in logged] == [0, 0, 1, 1, 1]
    numbers = [math.isfinite(line["loss"]) for line in logged]
    assert numbers == [True, True, kind != "loss", True, True]
    name = str(made.folder.relative_to(made.paths.root))
    assert skipped_steps(made.config, made.paths) == {name: (1, LAST)}


@pytest.mark.parametrize("what", ["pretrain", "finetune"])
def test_a_training_without_such_a_step_says_so(work, what):
    made = work(what, steps=())
    assert read_manifest(made.folder)["skipped_steps"] == 0
    assert "skipped" not in (made.folder / "train_log.jsonl").read_text()
    assert skipped_steps(made.config, made.paths) == {}


@pytest.mark.parametrize("what", ["pretrain", "finetune"])
def test_resumed_before_and_after_a_skipped_step_it_is_the_straight_training(work, what):
    straight = work(what)
    expected = sha256_of(weights_file(straight.folder))
    straight.folder.rename(straight.folder.with_name("straight"))
    for stop in (3, 5, 7):
        work(what, stop=stop)
    made = work(what)
    assert min(made.weights) == 7, "the last attempt went on from the checkpoint of step 6"
    assert sha256_of(weights_file(made.folder)) == expected
    assert read_manifest(made.folder)["skipped_steps"] == 1


@pytest.mark.parametrize("what", ["pretrain", "finetune"])
def test_too_many_end_the_training_and_a_resume_remembers_them(work, what):
    steps = (1, 4, 6)
    message = (
        r"seed 1: the gradient was not a finite number at 3 of 10 steps, at last at step 7: more "
        r"than max_skipped 0.2 allows"
    )
    for _ in range(2):  # the second attempt goes on from the checkpoint of step 6
        with pytest.raises(NotFiniteError, match=message):
            work(what, steps, max_skipped=0.2)
    assert work(what, steps, max_skipped=0.3).weights.keys() == set(range(7, LAST + 1))


@pytest.mark.parametrize("part", [0, 1])
@pytest.mark.parametrize("what", ["pretrain", "finetune"])
def test_one_part_of_an_accumulated_batch_is_enough_to_skip_the_step(work, what, part):
    made = work(what, part=part, accumulation=2)
    assert same(made.weights[CHANGED], made.weights[CHANGED + 1])
    assert not same(made.weights[CHANGED + 1], made.weights[CHANGED + 2])
    assert read_manifest(made.folder)["skipped_steps"] == 1


def test_without_clipping_too(work):
    made = work("finetune", max_grad_norm=0)
    assert same(made.weights[CHANGED], made.weights[CHANGED + 1])
    assert read_manifest(made.folder)["skipped_steps"] == 1


def test_by_default_a_short_training_ends_at_the_first_one(work):
    with pytest.raises(NotFiniteError, match="at 1 of 10 steps"):
        work("finetune", max_skipped=0.01)


def train(number, count, folder, checkpoint, results):
    os.environ |= {"LOCAL_RANK": str(number), "LOCAL_WORLD_SIZE": str(count)}
    join_group(number, count, folder)
    config = config_of(checkpoint)
    paths = RunPaths.of(config, folder / "results")
    made = {}
    trainer = spoilt(pretraining._InOrder, (CHANGED,), "loss", on_rank=1)

    def kept(*args, **kwargs):
        made["watch"] = Watch()
        made["skips"] = next(c for c in kwargs["callbacks"] if isinstance(c, SkipNotFinite))
        return trainer(*args, **{**kwargs, "callbacks": [*kwargs["callbacks"], made["watch"]]})

    pretraining._InOrder = kept
    pretrain_backbone(config, paths, "made", 1)
    weights = made["watch"].weights
    stayed = same(weights[CHANGED], weights[CHANGED + 1])
    last = sum(float(weight.double().sum()) for weight in weights[LAST])
    results.put((number, made["skips"].skipped, stayed, last))
    leave_group(results)


def test_all_processes_skip_a_step_that_one_of_them_spoils(tmp_path, tiny_checkpoint):
    config = config_of(tiny_checkpoint)
    paths = RunPaths.of(config, tmp_path / "results")
    fetch_dataset(config, paths, "stories")
    fetch_checkpoint(config, paths, "tiny")
    one, two = sorted(found_by_two(train, 2, tmp_path, tiny_checkpoint))
    assert one[1:] == two[1:]
    assert one[1:3] == (1, True)
    assert abs(one[3]) < float("inf")
    assert read_manifest(paths.backbone("made", 1))["skipped_steps"] == 1


@pytest.mark.parametrize(("scale", "counted"), [(2.0**16, (0, 1)), (0.5, (1, 0))])
def test_what_the_scaler_of_fp16_skips_is_counted_apart_until_its_scale_is_spent(scale, counted):
    Accelerator(cpu=True)
    model = torch.nn.Linear(3, 1)
    scaler = torch.amp.GradScaler("cpu", init_scale=scale)
    optimizer = AcceleratedOptimizer(torch.optim.AdamW(model.parameters()), scaler=scaler)
    before = model.weight.detach().clone()
    scaler.scale(model(torch.ones(2, 3)).sum() * float("inf")).backward()
    scaler.unscale_(optimizer.optimizer)
    skips = SkipNotFinite("a training", 0.5)
    state = TrainerState(max_steps=10)
    skips.on_pre_optimizer_step(None, state, TrainerControl(), model=model, optimizer=optimizer)
    optimizer.step()
    assert torch.equal(model.weight, before)
    assert scaler.get_scale() == scale / 2
    assert (skips.skipped, skips.overflowed) == counted


def test_the_command_ends_with_one_line(monkeypatch, capsys, tmp_path):
    def fail(*_):
        raise NotFiniteError("pretrain x seed 1: the gradient was not a finite number")

    monkeypatch.setattr("starbench.stages.pretrain.run.pretrain_backbone", fail)
    arguments = ["pretrain", "--config", "config/demo.yaml", "--backbone", "bert", "--seed", "42"]
    assert main(arguments) == 2
    assert capsys.readouterr().err.splitlines()[-1] == (
        "error: pretrain x seed 1: the gradient was not a finite number"
    )
