"""`starbench score` writes the config of a run that scores a model as it is."""

from pathlib import Path

import mteb
import pytest
import yaml

from starbench.cli import main
from starbench.config.reading import load_config
from tests.unit.sources.test_found import write_beir, write_pairs


@pytest.fixture
def data(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_pairs(tmp_path / "data" / "STS12")
    write_beir(tmp_path / "data" / "cranfield")
    return tmp_path / "data"


def score(*arguments):
    return main(["score", *map(str, arguments), "--write-only"])


def test_the_config_has_the_model_the_sizes_and_what_the_folder_holds(data, capsys):
    assert score("some/Model-L6", "--data", data, "--sizes", "6/384,1/16") == 0
    path = "results/score-model-l6/score.yaml"
    assert capsys.readouterr().out.startswith(f"{path}: ")
    config = load_config(Path(path))
    assert [str(size) for size in config.trained_sizes] == ["n1-d16", "n6-d384"]
    assert config.backbones["model"].checkpoint.name == "some/Model-L6"
    tasks = {track: section.tasks for track, section in config.tracks.items()}
    assert tasks == {"sts": ["sts12"], "retrieval": ["cranfield"]}
    assert all(section.finetuning is None for section in config.tracks.values())
    assert config.systems["model"].objective == "untouched"


def test_datasets_may_be_those_of_a_config(data, tmp_path):
    assert score("m", "--data", data, "--sizes", "1/16", "--run", "first") == 0
    given = ("--config", "results/first/score.yaml", "--datasets", "sts12", "--run", "second")
    assert score("m", *given, "--sizes", "1/16") == 0
    found = yaml.safe_load((tmp_path / "results/second/score.yaml").read_text())
    assert list(found["datasets"]) == ["sts12"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--sizes", "1-16"], "--sizes 1-16: '1-16' is not layers/dimensions"),
        (["--sizes", "1/16,"], "'' is not layers/dimensions"),
        (["--sizes", "0/16"], "sizes"),
        (["--sizes", "1/16", "--datasets", "sts13"], "no such dataset (did you mean 'sts12'?)"),
        (["--sizes", "1/16", "--split", "dev"], "holds nothing to score"),
        (["--sizes", "2/16,1/32"], "sizes must increase"),
        (
            ["--sizes", "1/16", "--config", "x.yaml"],
            "--data FOLDER, --config FILE or --mteb NAME, one of",
        ),
    ],
)
def test_bad_input_is_one_line_and_nothing_is_written(data, tmp_path, capsys, arguments, message):
    assert score("m", "--data", data, *arguments) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert not (tmp_path / "results").exists()


def test_tasks_and_benchmarks_of_mteb_are_scored_by_name(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    names = ["--mteb", "MTEB(eng, v2)", "CQADupstackRetrieval", "STS12"]
    assert score("some/model", "--sizes", "1/16", "--run", "all", *names) == 0
    config = load_config(Path("results/all/score.yaml"))
    of_mteb = {task.metadata.name for task in mteb.get_benchmark("MTEB(eng, v2)").tasks}
    found = {source.name: source for source in config.datasets.values()}
    # CQADupstackRetrieval is the mean of twelve tasks, two of which the benchmark has.
    assert len(found) == len(of_mteb) + 10 and of_mteb < set(found)
    assert found["STS17"].subsets == ["en-en"] and found["STS12"].subsets is None
    assert config.tracks["mteb"].tasks == list(config.datasets)
    assert score("m", "--sizes", "1/16", "--mteb", "MTEB(eng v2)") == 2
    line = "error: MTEB has no task or benchmark 'MTEB(eng v2)' (did you mean 'MTEB(eng, v2)'?)\n"
    assert capsys.readouterr().err == line
