"""The command prints one line for what a user can put right, and fails loudly for anything else."""

import argparse
import importlib.metadata
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from starbench import Size
from starbench.arguments import parse_into
from starbench.cli import main
from starbench.draws import epoch_order, generator, key_of
from starbench.machine.files import write_json, written_whole
from starbench.machine.progress import Progress, duration
from starbench.sizes import grid_of, widest_dim_by_layer

ROOT = Path(__file__).parents[2]
DEMO = str(ROOT / "config" / "demo.yaml")


def run(*arguments):
    return subprocess.run(
        [sys.executable, "-c", "from starbench.cli import entry; entry()", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["data", "--config", "none.yaml", "--dataset", "x"], "no config file none.yaml"),
        (
            ["data", "--config", DEMO, "--dataset", "storys"],
            "the config has no dataset 'storys' (did you mean 'stories'?)",
        ),
        (
            ["finetune", "--config", DEMO, "--track", "sts", "--model", "bert-slr", "--seed", "42"],
            "no model 'bert-slr' on track sts (did you mean 'bert-srl'?)",
        ),
        (
            ["pretrain", "--config", DEMO, "--backbone", "bert", "--seed", "43"],
            "the config has no seed '43' (did you mean '42'?)",
        ),
        (
            ["evaluate", "model", "--config", DEMO],
            "starbench evaluate model: the following arguments",
        ),
        (["report", "--config", DEMO, "--results", "/nowhere"], "no scores at /nowhere/demo"),
    ],
)
def test_what_a_user_can_put_right_is_one_line_and_status_2(arguments, message):
    done = run(*arguments)
    assert done.returncode == 2
    assert done.stderr.startswith(f"error: {message}")
    assert len(done.stderr.splitlines()) == 1


def test_the_version_is_that_of_the_package(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    number = re.escape(importlib.metadata.version("starbench"))
    printed = capsys.readouterr().out
    assert re.fullmatch(rf"starbench {number}( \(\w+(-dirty)?\))?\n", printed)


@pytest.mark.parametrize("option", ["--config", "--configfile", "--configfiles"])
@pytest.mark.parametrize("command", ["report", "evaluate collect", "config", "plan", "doctor"])
def test_every_command_takes_the_config_by_snakemakes_names_too(command, option):
    options = argparse.Namespace()
    parse_into(options, [*command.split(), option, "one.yaml", "two.yaml"])
    assert options.config == [Path("one.yaml"), Path("two.yaml")]


def test_checking_a_config_says_that_it_is_valid(capsys):
    assert main(["config", "--config", DEMO]) == 0
    assert capsys.readouterr().out == f"{DEMO}: run 'demo' is valid\n"


def test_importing_the_package_and_the_config_loads_no_torch():
    code = (
        "import sys; import starbench.config.reading, starbench.run.models;"
        "import starbench.stages.report;"
        "print([name for name in ('torch', 'transformers', 'datasets', 'mteb') "
        "if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_file_is_written_whole_or_not_at_all(tmp_path):
    path = tmp_path / "a" / "b.json"
    write_json(path, {"x": 1})
    with pytest.raises(RuntimeError), written_whole(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert json.loads(path.read_text()) == {"x": 1}
    assert [p.name for p in path.parent.iterdir()] == ["b.json"]


def test_a_folder_is_written_whole_or_not_at_all(tmp_path):
    with pytest.raises(RuntimeError), written_whole(tmp_path / "folder") as temporary:
        temporary.mkdir()
        (temporary / "half").write_text("half")
        raise RuntimeError
    assert not list(tmp_path.iterdir())


def test_draws_are_a_function_of_their_key_alone():
    assert key_of(1, "a", 2) == key_of(1, "a", 2) != key_of(1, "a", 3)
    first = generator(7, "x").integers(0, 1000, 5)
    generator(7, "y").integers(0, 1000, 50)
    assert (generator(7, "x").integers(0, 1000, 5) == first).all()
    order = epoch_order(10, 25, 3)
    assert sorted(order[:10]) == sorted(order[10:20]) == list(range(10))
    assert (epoch_order(10, 40, 3)[:25] == order).all()


def test_sizes_print_and_make_a_grid():
    assert str(Size(2, 32)) == "n2-d32"
    assert grid_of([Size(1, 4), Size(2, 8)]) == [Size(1, 4), Size(1, 8), Size(2, 4), Size(2, 8)]
    assert widest_dim_by_layer([Size(2, 8), Size(1, 4), Size(2, 4)]) == {1: 4, 2: 8}
    with pytest.raises(ValueError, match="at least 1"):
        Size(0, 3)


def test_progress_tells_rate_and_time_left(monkeypatch, caplog):
    now = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    with caplog.at_level("INFO", "starbench"), Progress("embed x", 100, "texts", done=10) as bar:
        for _ in range(4):
            now[0] += 10
            bar.step(10, note="loss 1.5")
    assert caplog.messages == ["embed x: 40/100 texts, 1.0 texts/s, 1:00 left, loss 1.5"]
    assert duration(3725) == "1:02:05"
