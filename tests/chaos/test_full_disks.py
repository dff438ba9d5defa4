"""A disk that is full at a rule: one line says so, and a rerun with room ends the same."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.chaos.attempts import ended_afterwards, make, start
from tests.chaos.contents import products
from tests.chaos.jobs import RULES, RUN, copy_without, logs_of, made_by
from tests.chaos.moments import generator, repeat_with

SIZE_MIB = 64
PAGE = 4096


@pytest.fixture
def folder(tmp_path):
    """A folder whose `results` is a small file system of its own."""
    results = tmp_path / "run" / "results"
    results.mkdir(parents=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={SIZE_MIB}M", "tmpfs", str(results)]
    if os.geteuid() != 0 or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("mounting a file system needs root")
    yield results.parent
    subprocess.run(["umount", "--lazy", str(results)], check=True)


def leave_free(disk: Path, size: int) -> Path:
    """Fill a disk but for some bytes, down to whole pages; return what fills it."""
    filler = disk / "filler"
    free = shutil.disk_usage(disk).free
    with filler.open("wb") as out:
        os.posix_fallocate(out.fileno(), 0, free - size // PAGE * PAGE)
    return filler


def taken(paths: list[Path]) -> int:
    """Return the bytes that files take on a disk."""
    return sum(-(-path.stat().st_size // PAGE) * PAGE for path in paths)


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_without_room_is_one_line_and_with_room_the_run_ends_the_same(
    reference, record, folder, rule
):
    print(f"\n{repeat_with(f'without_room and {rule}')}")
    copy_without(reference.folder, folder, rule)
    for log in logs_of(folder, rule):  # their room would become that of the products
        log.unlink()
    needed = taken(made_by(reference.folder, rule))
    room = int(generator("disk", rule).random() * 0.7 * needed)
    filler = leave_free(folder / "results", room)
    with ended_afterwards(start(folder, "--until", rule)) as attempt:
        status = attempt.wait()
    text = attempt.text()
    print(f"{rule}: {room} bytes free of {needed} needed")
    assert status != 0, text
    assert "Traceback" not in text
    said = {line for line in text.splitlines() if line.startswith("error: ")}
    assert said, text
    for line in said:
        assert f"the disk at {folder / 'results'} has " in line
        assert " free; make room there and run again" in line
    assert not list((folder / "results").rglob("*.tmp"))
    record.lines.append(f"disk full at {rule}: {min(said)[:150]}")
    filler.unlink()

    make(folder, "--until", rule)
    made, root = products(folder), reference.folder / RUN
    for path in made_by(reference.folder, rule):
        name = str(path.relative_to(root))
        if name in reference.products:
            assert made.get(name) == reference.products[name], name
    assert made.items() <= reference.products.items()
