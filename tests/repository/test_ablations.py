"""The ablations of the paper: each differs from its config in what its head says, and no more."""

import re
from pathlib import Path

import pytest

from starbench.config.config import Config
from starbench.config.reading import load_config
from starbench.config.resolved import objective_of, use_of
from starbench.planning.devices import device_named
from starbench.planning.plan import Plan, make_plan
from starbench.run.models import models_of
from starbench.run.paths import RunPaths

PAPER = Path(__file__).parents[2] / "config" / "paper.yaml"
FILES = sorted(PAPER.with_suffix("").glob("*.yaml"))
TRACKS = ("sts", "retrieval")


@pytest.fixture(scope="module")
def paper() -> Config:
    return load_config(PAPER)


def ablation(name: str) -> Config:
    return load_config(PAPER, PAPER.with_suffix("") / f"{name}.yaml")


def differences(before, after, at: str = "") -> set[str]:
    """Return the dotted keys at which two values differ."""
    if isinstance(before, dict) and isinstance(after, dict):
        keys = before.keys() | after.keys()
        found = (differences(before.get(k), after.get(k), f"{at}.{k}") for k in keys)
        return set().union(*found)
    return set() if before == after else {at.removeprefix(".")}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_it_loads_has_results_of_its_own_and_says_its_command(path):
    assert load_config(PAPER, path).run == f"paper-{path.stem}"
    command = f"--configfile config/paper.yaml config/paper/{path.name}\n"
    assert command in path.read_text()


def plan(name: str, folder: Path) -> Plan:
    config = ablation(name)
    return make_plan(config, RunPaths.of(config, folder), device_named("h100"), 8, {})


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_its_head_states_what_the_plan_says(path, tmp_path, monkeypatch):
    # Where the run `paper` is not there yet, either: its backbone is planned as the others are.
    monkeypatch.chdir(tmp_path)
    made = plan(path.stem, tmp_path)
    stated = re.search(
        r"costs +(\d+) jobs, ([\d.]+) GPU-hours and ([\d.]+) ([TG])B", path.read_text()
    )
    jobs, hours, size, unit = stated.groups()
    assert made.total.jobs == int(jobs)
    assert made.total.device_seconds / 3600 == pytest.approx(float(hours), rel=0.15)
    assert made.disk / {"T": 1e12, "G": 1e9}[unit] == pytest.approx(float(size), rel=0.2)
    starts_there = "./results/paper/" in path.read_text()
    assert made.assumed == ({"bert-smae": "google-bert/bert-base-uncased"} if starts_there else {})


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_what_is_scored_and_how_is_the_papers(paper, path):
    other = load_config(PAPER, path)
    assert other.sizes == paper.sizes
    for track, section in other.tracks.items():
        assert section.scored == paper.tracks[track].scored
        assert section.embedding == paper.tracks[track].embedding
        for name in section.scored:
            assert other.datasets[name] == paper.datasets[name]


@pytest.mark.parametrize(
    ("name", "option", "before", "after"),
    [
        ("no-kl", "kl_weight", {"sts": 0.3, "retrieval": 1.0}, 0.0),
        ("random-pairs", "pairs", dict.fromkeys(TRACKS, "listed"), "sampled"),
    ],
)
def test_an_option_of_srl_is_all_that_differs(paper, name, option, before, after):
    other = ablation(name)
    assert list(other.systems) == ["bert-srl", "starbucks"]
    for system in other.systems:
        for track in TRACKS:
            old = objective_of(paper, system, track).model_dump()
            new = objective_of(other, system, track).model_dump()
            assert differences(old, new) == {option}
            assert (old[option], new[option]) == (before[track], after)
            assert use_of(other, system, track) == use_of(paper, system, track)


@pytest.mark.parametrize("name", ["mlm", "matryoshka-mlm"])
def test_the_pretraining_objective_is_all_that_differs(paper, name):
    other = ablation(name)
    assert list(other.systems) == ["starbucks"]
    old, new = (config.backbones["bert-smae"].model_dump() for config in (paper, other))
    assert differences(old, new) == {"display", "pretraining.objective"}
    assert new["pretraining"]["objective"] == name
    for track in TRACKS:
        assert objective_of(other, "starbucks", track) == objective_of(paper, "starbucks", track)


def test_low_resource_sts_has_the_published_hyperparameters(paper):
    other = ablation("stsb-low-resource")
    assert list(other.tracks) == ["sts"]
    old, new = (config.tracks["sts"].finetuning.model_dump() for config in (paper, other))
    assert differences(old, new) == {"dataset", "loss", "batch_size", "epochs"}
    assert (new["loss"], new["batch_size"], new["epochs"]) == ("cosent", 16, 4)
    assert list(other.systems) == list(paper.systems)


def test_the_grid_of_separate_models_has_one_for_every_cell(paper):
    other = ablation("separate-grid")
    for track, models in (("sts", 6), ("retrieval", 36)):
        made = models_of(other, track)
        assert len(made) == models
        assert {model.system for model in made} == {"bert-separate"}
        served = [cell for model in made for cell in model.cells]
        assert len(served) == len(set(served)) == 36
        assert use_of(other, "bert-separate", track) == use_of(paper, "bert-separate", track)
