"""A lock goes if its Snakemake is dead for certain, and stays if it may be at work."""

import json
import signal
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from starbench.cli import main
from starbench.errors import InputError
from starbench.machine.holders import FOLDER, MACHINES_NAMESPACE, Holder, announced_in
from starbench.machine.unlocking import remove_stale_lock

WORKS = """
import sys, time
from pathlib import Path
from starbench.machine.holders import announce
announce(Path(sys.argv[1]))
print("here", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def lock(tmp_path) -> Path:
    path = tmp_path / ".snakemake" / "locks" / "0.output.lock"
    path.parent.mkdir(parents=True)
    path.write_text("x\n")
    return path


def working_in(folder: Path) -> subprocess.Popen:
    """A living process that has said that it works in a folder, from somewhere else."""
    process = subprocess.Popen(
        [sys.executable, "-c", WORKS, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd="/",
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"here\n"
    return process


def announce_as(folder: Path, holder: Holder) -> None:
    (folder / FOLDER).mkdir(parents=True, exist_ok=True)
    (folder / FOLDER / f"{holder.host}-{holder.pid}.json").write_text(json.dumps(asdict(holder)))


def test_the_lock_of_a_process_that_was_killed_here_is_removed(tmp_path, lock):
    process = working_in(tmp_path)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert len(announced_in(tmp_path)) == 1
    remove_stale_lock(tmp_path)
    assert not lock.exists()
    assert announced_in(tmp_path) == {}


def test_the_lock_of_a_living_process_stays_even_by_force(tmp_path, lock):
    process = working_in(tmp_path)
    try:
        for force in (False, True):
            with pytest.raises(InputError, match=rf"already running in .*process {process.pid}\)"):
                remove_stale_lock(tmp_path, force)
        assert lock.exists()
    finally:
        process.communicate()
    assert not (tmp_path / FOLDER).exists(), "a process that ends says so"


def test_a_process_id_that_another_process_has_by_now_is_of_a_dead_one(tmp_path, lock):
    here = Holder.this_process()
    assert here.state() == "alive"
    announce_as(tmp_path, replace(here, started=here.started - 100))
    remove_stale_lock(tmp_path)
    assert not lock.exists()


@pytest.mark.parametrize(
    "elsewhere",
    [{"host": "node7"}, {"namespace": 12345}, {"boot": "another", "namespace": 12345}],
)
def test_the_lock_of_another_machine_or_container_stays_without_force(
    tmp_path, lock, elsewhere, monkeypatch, capsys
):
    holder = replace(Holder.this_process(), pid=2**22 + 1, **elsewhere)
    announce_as(tmp_path, holder)
    monkeypatch.chdir(tmp_path)
    assert main(["unlock"]) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert f"({holder})" in line
    assert holder.host in line
    assert "`starbench unlock --force` removes it" in line
    assert lock.exists()
    assert main(["unlock", "--force"]) == 0
    assert not lock.exists()
    assert announced_in(tmp_path) == {}


def test_a_machine_that_was_started_anew_has_none_of_its_processes(monkeypatch):
    here = replace(Holder.this_process(), namespace=MACHINES_NAMESPACE)
    monkeypatch.setattr(Holder, "this_process", lambda: here)
    assert replace(here, boot="the one before").state() == "dead"


def test_a_lock_that_nothing_is_known_of_stays_without_force(tmp_path, lock):
    with pytest.raises(InputError, match="nothing tells by which Snakemake"):
        remove_stale_lock(tmp_path)
    (tmp_path / FOLDER).mkdir(parents=True)
    (tmp_path / FOLDER / "node7-1.json").write_text("{")
    with pytest.raises(InputError, match=r"node7-1\.json is damaged"):
        remove_stale_lock(tmp_path)
    assert lock.exists()
    remove_stale_lock(tmp_path, force=True)
    assert not lock.exists()


def test_a_folder_without_a_lock_is_left_alone(tmp_path):
    announce_as(tmp_path, replace(Holder.this_process(), host="node7"))
    remove_stale_lock(tmp_path)
    assert len(announced_in(tmp_path)) == 1


def test_a_forked_process_that_ends_does_not_speak_for_the_one_it_came_from(tmp_path):
    code = WORKS.replace(
        'print("here"',
        "import os\nif os.fork() == 0: sys.exit()\nos.wait()\nprint('here'",
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        process.stdout.readline()
        assert [holder.pid for holder in announced_in(tmp_path).values() if holder] == [process.pid]
    finally:
        process.communicate()
    assert list((tmp_path / ".snakemake").iterdir()) == []


def test_what_a_process_said_that_was_killed_without_a_lock_goes_too(tmp_path):
    killed, living = working_in(tmp_path), working_in(tmp_path)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    remove_stale_lock(tmp_path)
    assert [holder and holder.pid for holder in announced_in(tmp_path).values()] == [living.pid]
    living.communicate()
    assert not (tmp_path / FOLDER).exists()
