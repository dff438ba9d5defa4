"""Pairs of anchors and positives train with the other positives of a batch as negatives."""

import json

import pandas as pd
import pytest
import torch
import torch.nn.functional as F

from starbench.config.reading import parse_config
from starbench.errors import InputError
from starbench.run.models import model_named
from starbench.run.paths import RunPaths
from starbench.stages.data.checkpoints import fetch_checkpoint
from starbench.stages.data.fetch import fetch_dataset
from starbench.stages.finetune.ranking_loss import RankingLoss
from starbench.stages.finetune.run import finetune_model, training_rows
from starbench.store.manifest import read_manifest
from starbench.store.records import read_records
from tests.unit.runs import tiny_value


def config_of(checkpoint, **dataset):
    section = {"kind": "anchor-positive", "source": "micro", "rows": 40} | dataset
    if section["source"] == "folder":
        del section["rows"]
    value = tiny_value(
        datasets={"train": section}, backbones={"tiny": {"checkpoint": {"name": str(checkpoint)}}}
    )
    return parse_config(value)


def test_the_loss_is_cross_entropy_over_the_positives_of_the_batch():
    torch.manual_seed(0)
    anchors, positives = torch.randn(5, 8), torch.randn(5, 8)
    scores = F.normalize(anchors, dim=-1) @ F.normalize(positives, dim=-1).T / 0.05
    expected = F.cross_entropy(scores, torch.arange(5))
    found = RankingLoss().compute_loss_from_embeddings([anchors, positives])
    torch.testing.assert_close(found, expected)


def test_a_model_is_trained_on_them(tmp_path, tiny_checkpoint):
    config = config_of(tiny_checkpoint)
    paths = RunPaths.of(config, tmp_path / "results")
    fetch_dataset(config, paths, "train")
    fetch_checkpoint(config, paths, "tiny")
    finetune_model(config, paths, "sts", "tiny-srl", 1)
    manifest = read_manifest(paths.model("sts", "tiny-srl", 1))
    assert manifest["negatives_per_query"] == 7
    assert pd.notna(manifest["final_loss"])


def test_files_have_them_under_names_of_their_own(tmp_path, tiny_checkpoint, monkeypatch):
    monkeypatch.setenv("STARBENCH_DATA", str(tmp_path / "data"))
    folder = tmp_path / "data" / "asked"
    folder.mkdir(parents=True)
    lines = [{"question": f"who {n}?", "answer": f"them {n}", "more": n} for n in range(3)]
    (folder / "test.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    columns = {"anchor": "question", "positive": "answer"}
    config = config_of(tiny_checkpoint, source="folder", name="asked", columns=columns)
    paths = RunPaths.of(config, tmp_path / "results")
    fetch_dataset(config, paths, "train")
    rows = read_records(paths.dataset("train"))
    assert rows.column_names == ["anchor", "positive"]
    assert rows["positive"][2] == "them 2"
    wrong = config_of(tiny_checkpoint, source="folder", name="asked", columns={"anchor": "quest"})
    with pytest.raises(
        InputError, match=r"test\.jsonl:1: no column 'quest' \(did you mean 'question'"
    ):
        fetch_dataset(wrong, RunPaths.of(wrong, tmp_path / "other"), "train")


def several(checkpoint, **changes):
    micro = {"kind": "anchor-positive", "source": "micro"}
    value = tiny_value(
        datasets={"train": micro | {"rows": 12}, "more": micro | {"rows": 28, "seed": 3}},
        backbones={"tiny": {"checkpoint": {"name": str(checkpoint)}}},
    )
    value["tracks"]["sts"]["finetuning"] |= {"dataset": ["train", "more"]} | changes
    return value


def test_several_datasets_are_one_training(tmp_path, tiny_checkpoint):
    config = parse_config(several(tiny_checkpoint, steps=None, epochs=1))
    paths = RunPaths.of(config, tmp_path / "results")
    for name in ("train", "more"):
        fetch_dataset(config, paths, name)
    fetch_checkpoint(config, paths, "tiny")
    model = model_named(config, "sts", "tiny-srl")
    rows, left_out = training_rows(config, paths, model, 1)
    own = [read_records(paths.dataset(name))["anchor"] for name in ("train", "more")]
    assert list(rows["anchor"]) == [*own[0], *own[1]]
    assert left_out is None
    finetune_model(config, paths, "sts", "tiny-srl", 1)
    assert read_manifest(paths.model("sts", "tiny-srl", 1))["steps"] == 5


@pytest.mark.parametrize(
    ("dataset", "message"),
    [
        (["train", "test"], r"finetuning\.dataset\.1: dataset 'test' is of kind pairs, needed is"),
        (["train", "train"], r"finetuning\.dataset\.1: 'train' is listed twice"),
        (["train", "trian"], r"finetuning\.dataset\.1: no dataset 'trian' \(did you mean 'train'"),
        (["train", "graded"], r"finetuning\.dataset\.1: several datasets must be of one kind, her"),
    ],
)
def test_several_datasets_that_do_not_fit_are_named(dataset, message):
    value = several("nowhere", dataset=dataset)
    value["datasets"]["graded"] = {"kind": "triplets", "source": "micro", "rows": 4}
    with pytest.raises(InputError, match=message):
        parse_config(value)


def test_datasets_with_other_prompts_are_not_mixed(tmp_path, tiny_checkpoint):
    value = several(tiny_checkpoint)
    value["backbones"]["tiny"]["prompts"] = {"more": "a "}
    config = parse_config(value)
    paths = RunPaths.of(config, tmp_path / "results")
    for name in ("train", "more"):
        fetch_dataset(config, paths, name)
    fetch_checkpoint(config, paths, "tiny")
    with pytest.raises(InputError, match="'train' and 'more' are trained on together, but have ot"):
        finetune_model(config, paths, "sts", "tiny-srl", 1)
