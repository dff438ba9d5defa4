"""`starbench example`: data that the `folder` source reads, and a config that is valid as it is."""

import re
from pathlib import Path

import pytest
import yaml

from starbench.cli import main
from starbench.config.reading import load_config
from starbench.sources.beir import read_beir

ROOT = Path(__file__).parents[4]


@pytest.fixture
def example(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["example", "mydata"]) == 0
    return tmp_path / "mydata"


def test_the_config_is_valid_and_its_data_are_there(example):
    config = load_config(example / "config.yaml")
    assert config.run == "mydata"
    for name, dataset in config.datasets.items():
        assert all(path.is_file() for path in dataset.files(config.resolved_data_root())), name


def test_questions_of_the_two_splits_are_different_and_each_is_answered(example):
    splits = {}
    for split in ("train", "test"):
        found = read_beir(example / "collection", split)
        passages = {record["id"] for _, record in found.passages}
        judged = [record for _, record in found.qrels]
        assert {record["passage"] for record in judged} <= passages
        splits[split] = {record["query"] for record in judged}
        assert splits[split] <= {record["id"] for _, record in found.queries}
    assert not splits["train"] & splits["test"]
    assert (len(splits["train"]), len(splits["test"])) == (200, 100)


def test_the_readme_shows_the_config_that_is_written(example):
    (shown,) = re.findall(r"^```yaml\n(.*?)^```$", (ROOT / "README.md").read_text(), re.M | re.S)
    written = yaml.safe_load((example / "config.yaml").read_text())
    assert yaml.safe_load(shown) == {k: v for k, v in written.items() if k != "title"}
    assert len(shown.splitlines()) <= 25


@pytest.mark.parametrize(
    ("folder", "run"), [("My data!", "my-data"), ("Ünï", "n"), ("__", "example")]
)
def test_a_folder_of_any_name_gives_a_run_of_a_valid_name(tmp_path, folder, run):
    assert main(["example", str(tmp_path / folder)]) == 0
    assert load_config(tmp_path / folder / "config.yaml").run == run


def test_a_folder_that_is_there_is_left_as_it_is(example, capsys):
    before = (example / "config.yaml").read_bytes()
    assert main(["example", "mydata", "--checkpoint", "other"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line == "error: mydata exists: name a folder that is not there yet"
    assert (example / "config.yaml").read_bytes() == before
