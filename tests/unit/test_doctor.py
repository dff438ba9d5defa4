"""`starbench doctor`: every check by a machine, a lock or a config that has the trouble."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import yaml

from starbench.cli import main
from starbench.config.reading import load_config, parse_config
from starbench.doctor import check_commands, check_data, check_disk, check_gpu, check_versions, pins
from starbench.errors import InputError
from starbench.run.paths import RunPaths
from starbench.stages.data.fetch import fetch_dataset

ROOT = Path(__file__).parents[2]
DEMO, PAPER, MINILM = (ROOT / "config" / f"{name}.yaml" for name in ("demo", "paper", "minilm"))

OTHER_PAIR = '{"sentence1": "c", "sentence2": "d", "score": 5}\n'


def doctor(capsys, *arguments):
    """Exit status and lines of the command."""
    try:
        status = main(["doctor", *map(str, arguments)])
    except SystemExit as end:
        status = end.code
    return status, capsys.readouterr().out.splitlines()


def line_on(lines, what):
    (found,) = [line for line in lines if line.split(": ")[0].endswith(what)]
    return found


def checkout_with(tmp_path, change):
    """A folder with the lock of this checkout, changed."""
    (tmp_path / "envs").mkdir()
    lock = (ROOT / "envs" / "requirements.lock").read_text()
    (tmp_path / "envs" / "requirements.lock").write_text(change(lock))
    return tmp_path


@pytest.fixture(autouse=True)
def online(monkeypatch):
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)


def test_a_healthy_machine_has_no_problem(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent))
    status, lines = doctor(capsys, "--config", DEMO, "--results", tmp_path)
    assert status == 0
    assert line_on(lines, "versions") == "ok       versions: as in envs/requirements.lock"
    assert line_on(lines, "network") == "ok       network: nothing is to be fetched"
    assert line_on(lines, "disk").startswith("ok ")
    assert lines[-1].startswith("problems: 0, warnings: ")


def test_versions_that_differ_from_the_lock_are_a_problem(tmp_path):
    def drifted(lock):
        return lock.replace("tqdm==", "tqdm==9.").replace("yte==", "no-such-package==")

    found = check_versions(checkout_with(tmp_path, drifted))
    assert found.verdict == "problem"
    installed = pins(ROOT / "envs" / "requirements.lock")["tqdm"]
    assert f"tqdm {installed} (9.{installed})" in found.found
    assert "no-such-package missing (" in found.found
    assert found.advice == "pip install -r envs/requirements.lock"


def test_a_lock_of_many_other_versions_is_summed_up(tmp_path):
    found = check_versions(checkout_with(tmp_path, lambda lock: lock.replace("==", "==9.")))
    assert found.found.count("(9.") == 5
    assert " more" in found.found


def test_a_package_without_its_checkout_is_a_warning(tmp_path):
    found = check_versions(tmp_path)
    assert (found.verdict, found.what) == ("warning", "versions")
    assert "without its checkout" in found.found


def test_a_line_that_pins_nothing_is_named(tmp_path):
    folder = checkout_with(tmp_path, lambda _: "# pins\ntqdm>=4\n")
    assert "requirements.lock:2: expected NAME==VERSION" in check_versions(folder).found
    with pytest.raises(InputError, match=r"requirements\.lock:2: expected NAME==VERSION"):
        pins(folder / "envs" / "requirements.lock")


def test_a_command_that_is_not_on_the_path_is_a_problem(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    missing, slurm = check_commands()
    assert (missing.verdict, missing.found) == ("problem", "not on the PATH")
    assert slurm.verdict == "ok"


def test_a_cluster_without_accounting_is_a_warning(tmp_path, monkeypatch):
    (tmp_path / "sbatch").write_text("#!/bin/sh\n")
    (tmp_path / "sbatch").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    slurm = list(check_commands())[1]
    assert slurm.verdict == "warning"
    assert "sbatch" in slurm.found


def test_gpus_are_named_or_missed_where_the_config_asks_for_them():
    asked, not_asked = check_gpu(load_config(PAPER)), check_gpu(load_config(DEMO))
    if torch.cuda.is_available():
        assert torch.cuda.get_device_name(0) in asked.found
    else:
        assert (asked.verdict, not_asked.verdict) == ("warning", "ok")
        assert "the config asks for GPUs" in asked.advice


def test_a_data_root_that_is_missing_is_one_problem(tmp_path, capsys, monkeypatch):
    monkeypatch.delenv("STARBENCH_DATA", raising=False)
    status, lines = doctor(capsys, "--config", MINILM, "--results", tmp_path)
    assert status == 1
    assert line_on(lines, "data root").startswith("problem  data root: the config and STARBENCH")
    monkeypatch.setenv("STARBENCH_DATA", str(tmp_path / "nowhere"))
    assert "is not a folder" in line_on(doctor(capsys, "--config", MINILM)[1], "data root")


def test_a_folder_dataset_that_is_missing_is_a_problem_with_the_nearest_name(tmp_path):
    value = yaml.safe_load(MINILM.read_text()) | {"data_root": str(tmp_path)}
    value["tracks"].pop("retrieval")
    config = parse_config(value)
    folder = tmp_path / "sts" / "STS12"
    folder.mkdir(parents=True)
    (folder / "test.jsonl").write_text(
        '{"sentence1": "a", "sentence2": "b", "score": 1}\n' + OTHER_PAIR
    )
    (tmp_path / "sts" / "STS-13").mkdir()
    found = list(check_data(config, RunPaths.of(config, tmp_path), [MINILM]))
    problems = {f.what: f.found for f in found if f.verdict == "problem" and "dataset" in f.what}
    assert "dataset sts12" not in problems
    assert "did you mean 'STS-13'?" in problems["dataset sts13"]
    assert any(f.found == f"1 datasets are in {tmp_path}" for f in found)


def test_data_to_be_fetched_is_a_warning_and_offline_a_problem(tmp_path, monkeypatch):
    config = load_config(PAPER)
    paths = RunPaths.of(config, tmp_path)
    (found,) = [f for f in check_data(config, paths, [PAPER]) if f.what == "network"]
    assert found.verdict == "warning"
    assert f"snakemake data --configfile {PAPER}" in found.advice
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    (found,) = [f for f in check_data(config, paths, [PAPER]) if f.what == "network"]
    assert found.verdict == "problem"


def test_what_is_fetched_already_is_said(tmp_path):
    config = load_config(DEMO)
    paths = RunPaths.of(config, tmp_path)
    fetch_dataset(config, paths, "paraphrase")
    found = list(check_data(config, paths, [DEMO]))
    assert "1 datasets are fetched already" in [f.found for f in found]


def test_a_disk_that_is_too_small_for_the_plan_is_a_problem(tmp_path):
    value = yaml.safe_load(PAPER.read_text())
    free = shutil.disk_usage(tmp_path).free
    value["datasets"]["fineweb"] = {"kind": "text", "source": "hub", "name": "some/texts"}
    config = parse_config(value)
    found = check_disk(config, RunPaths.of(config, tmp_path))
    assert found.verdict == "warning"
    assert "the run cannot be planned: dataset 'fineweb'" in found.found
    value["datasets"]["fineweb"] = {"kind": "text", "source": "micro", "rows": free // 50}
    config = parse_config(value)
    found = check_disk(config, RunPaths.of(config, tmp_path))
    assert found.verdict == "problem"
    assert "the plan needs" in found.found


def test_the_command_ends_with_status_1_for_a_problem_and_2_for_a_wrong_config(tmp_path):
    code = "from starbench.cli import entry; entry()"

    def run(*arguments):
        command = [sys.executable, "-c", code, "doctor", *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)

    done = run("--config", str(MINILM), "--results", str(tmp_path))
    assert done.returncode in (0, 1)
    assert done.returncode == int("problem " in done.stdout)
    done = run("--config", "none.yaml")
    assert done.returncode == 2
    assert done.stderr == "error: no config file none.yaml\n"


def test_data_whose_files_have_changed_since_they_were_fetched_are_a_warning(tmp_path):
    value = yaml.safe_load(DEMO.read_text()) | {"data_root": str(tmp_path)}
    value["datasets"]["paraphrase"] = {"kind": "pairs", "source": "folder", "name": "mine"}
    (tmp_path / "mine").mkdir()
    file = tmp_path / "mine" / "test.jsonl"
    file.write_text('{"sentence1": "a", "sentence2": "b", "score": 1}\n' + OTHER_PAIR)
    config = parse_config(value)
    paths = RunPaths.of(config, tmp_path / "results")
    fetch_dataset(config, paths, "paraphrase")

    def said():
        found = check_data(config, paths, DEMO)
        return {f.found: f.verdict for f in found if f.what == "dataset paraphrase"}

    assert said() == {}
    file.touch()
    assert said() == {}
    file.write_text('{"sentence1": "a", "sentence2": "b", "score": 2}\n' + OTHER_PAIR)
    assert said() == {"its files have changed since it was fetched": "warning"}
    (paths.dataset("paraphrase") / "source_files.json").unlink()
    (found,) = said()
    assert "changes in them are not noticed" in found
    shutil.rmtree(tmp_path / "mine")
    assert said() == {"its files are out of reach: what was fetched is used": "ok"}
