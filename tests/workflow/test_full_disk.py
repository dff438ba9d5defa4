"""A full disk ends every stage in one line, leaves nothing half-written, and a rerun works."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from starbench.machine.files import sha256_of
from tests.workflow.tiny_run import RETRIEVAL, SEED, STS, starbench

SIZE_MIB = 64
MODEL = "starbucks/seed-42"
SHARD = ["--dataset", "library", "--shard", "1"]
STAGES = [
    ("data/questions", ["data", "--dataset", "questions"], 8),
    ("data/library", ["data", "--dataset", "library"], 8),
    ("backbones/base/seed-42", ["pretrain", "--backbone", "base", *SEED], 0),
    ("backbones/base/seed-42", ["pretrain", "--backbone", "base", *SEED], 40),
    ("backbones/base/seed-42", ["pretrain", "--backbone", "base", *SEED], 120),
    (f"models/sts/{MODEL}", ["finetune", *STS], 16),
    (f"models/sts/{MODEL}", ["finetune", *STS], 120),
    (f"models/sts/{MODEL}", ["finetune", *STS], 200),
    (f"embeddings/sts/{MODEL}", ["embed", *STS], 0),
    (f"embeddings/sts/{MODEL}", ["embed", *STS], 12),
    (f"embeddings/retrieval/{MODEL}/library/passages-1", ["embed", *RETRIEVAL, *SHARD], 4),
    (
        f"searches/retrieval/{MODEL}/library/passages-1",
        ["evaluate", "shard", *RETRIEVAL, *SHARD],
        4,
    ),
    (f"scores/sts/{MODEL}", ["evaluate", "model", *STS], 0),
    (f"scores/retrieval/{MODEL}", ["evaluate", "model", *RETRIEVAL], 4),
    ("scores.csv", ["evaluate", "collect"], 0),
    ("significance.csv", ["evaluate", "compare"], 0),
]


@pytest.fixture
def disk(tmp_path):
    """A small file system of its own."""
    mounted = tmp_path / "disk"
    mounted.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={SIZE_MIB}M", "tmpfs", str(mounted)]
    if os.geteuid() != 0 or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("mounting a file system needs root")
    yield mounted
    subprocess.run(["umount", "--lazy", str(mounted)], check=True)


def leave_free(disk: Path, kib: int) -> Path:
    """Fill a disk but for some KiB; return what fills it."""
    filler = disk / "filler"
    with filler.open("wb") as out:
        os.posix_fallocate(out.fileno(), 0, shutil.disk_usage(disk).free - 1024 * kib)
    return filler


def made(path: Path) -> dict[str, str]:
    """Return the hashes of what a stage has made, in the folders that have manifests."""
    if path.is_file():
        return {path.name: sha256_of(path)}
    found = {}
    for manifest in path.rglob("manifest.json"):
        names = json.loads(manifest.read_text())["files"]
        found |= {
            str(manifest.parent.relative_to(path) / name): sha256_of(manifest.parent / name)
            for name in names
            if not name.endswith("manifest.json")
        }
    return found


@pytest.mark.parametrize(("product", "command", "kib"), STAGES)
def test_a_full_disk_is_one_line_and_a_rerun_with_room_gives_the_same(
    by_commands, disk, capsys, product, command, kib
):
    shutil.copytree(by_commands, disk, dirs_exist_ok=True)
    path = disk / "results/tiny" / product
    straight = made(path)
    assert straight
    path.unlink() if path.is_file() else shutil.rmtree(path)
    filler = leave_free(disk, kib)
    capsys.readouterr()
    assert starbench(disk, *command) == 2
    lines = capsys.readouterr().err.splitlines()
    said = [line for line in lines if line.startswith("error: ")]
    assert len(said) == 1
    assert not [line for line in lines if "Traceback" in line]
    assert str(disk / "results") in said[0]
    assert f"the disk at {disk} has " in said[0]
    assert " free; make room there and run again" in said[0]
    assert not list(disk.rglob("*.tmp"))
    assert not (path / "manifest.json").exists()
    assert not path.is_file()

    filler.unlink()
    assert starbench(disk, *command) == 0
    assert made(path) == straight


@pytest.mark.parametrize(
    "command",
    [
        ["data", "--dataset", "questions"],
        ["pretrain", "--backbone", "base", *SEED],
        ["finetune", *STS],
        ["embed", *STS],
        ["evaluate", "collect"],
        ["evaluate", "compare"],
        ["report"],
    ],
    ids=" ".join,
)
def test_a_disk_that_is_mounted_read_only_is_one_line(by_commands, disk, capsys, command):
    shutil.copytree(by_commands, disk, dirs_exist_ok=True)
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    capsys.readouterr()
    assert starbench(disk, *command) == 2
    lines = capsys.readouterr().err.splitlines()
    (said,) = [line for line in lines if line.startswith("error: ")]
    assert said.startswith(f"error: {disk}/results/tiny/")
    assert said.endswith(
        ": read-only file system: make it readable and writable for this user, or choose another "
        "folder"
    )
    assert not [line for line in lines if "Traceback" in line]
