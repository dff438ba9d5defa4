"""Space is reserved before a map is written to; errors of the disk name the file and the disk."""

import errno
import os
import shutil
import subprocess

import numpy as np
import pytest

from starbench.errors import InputError
from starbench.machine import disk as module
from starbench.machine.disk import disk_of, naming, os_error_line, reserve, size_text
from starbench.machine.files import written_whole
from starbench.store.embeddings import EmbeddingWriter


@pytest.fixture
def disk(tmp_path):
    """A file system of 1 MiB."""
    mounted = tmp_path / "disk"
    mounted.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1M", "tmpfs", str(mounted)]
    if os.geteuid() != 0 or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("mounting a file system needs root")
    yield mounted
    subprocess.run(["umount", "--lazy", str(mounted)], check=True)


def unsupported(*_):
    raise OSError(errno.EOPNOTSUPP, "Operation not supported")


@pytest.mark.parametrize("supported", [True, False])
def test_what_is_reserved_has_its_blocks_and_keeps_what_was_written(
    tmp_path, monkeypatch, supported
):
    if not supported:
        monkeypatch.setattr(os, "posix_fallocate", unsupported)
    path = tmp_path / "file"
    with path.open("wb") as out:
        out.write(b"head")
        out.truncate(3 * 2**20 + 17)
    assert path.stat().st_blocks * 512 < 2**20, "sparse"
    reserve(path, path.stat().st_size)
    assert path.stat().st_blocks * 512 >= path.stat().st_size == 3 * 2**20 + 17
    assert path.read_bytes().rstrip(b"\0") == b"head"


@pytest.mark.parametrize("supported", [True, False])
def test_embeddings_that_do_not_fit_are_refused_before_a_row_is_written(
    disk, monkeypatch, supported
):
    if not supported:
        monkeypatch.setattr(os, "posix_fallocate", unsupported)
    folder = disk / "results"
    with pytest.raises(InputError) as caught:
        EmbeddingWriter(folder, 5000, {1: 32, 2: 64}, "float32")
    assert str(caught.value) == (
        f"{folder}: the embeddings need 1.8 MiB, the disk at {disk} has 1.0 MiB free; make room "
        "there and run again"
    )
    assert not list(folder.iterdir())


def test_embeddings_that_fit_are_written_though_the_disk_is_filled_meanwhile(disk):
    writer = EmbeddingWriter(disk / "e", 1000, {1: 64}, "float32")
    with (disk / "filler").open("wb") as out:
        os.posix_fallocate(out.fileno(), 0, shutil.disk_usage(disk).free)
    values = np.random.default_rng(0).standard_normal((1000, 64), dtype=np.float32)
    writer.write(range(1000), {1: values})
    writer.close()
    assert (np.load(disk / "e/layer-1.npy") == values).all()


def test_a_full_disk_is_one_line_with_file_disk_and_room(disk):
    path = disk / "folder/file"
    with (
        pytest.raises(OSError, match="No space left") as caught,
        written_whole(path) as temporary,
        temporary.open("wb") as out,
    ):
        out.write(bytes(2**21))
    assert os_error_line(caught.value, disk.parent) == (
        f"{path}: no space left on device: the disk at {disk} has 1.0 MiB free; make room there "
        "and run again"
    )
    assert not list(path.parent.iterdir())


@pytest.mark.parametrize("kind", ["safetensors", "torch", "tokenizers"])
def test_errors_of_libraries_become_the_error_that_they_stand_for(disk, kind):
    torch = pytest.importorskip("torch")
    with (disk / "filler").open("wb") as out:
        os.posix_fallocate(out.fileno(), 0, shutil.disk_usage(disk).free - 8192)
    tensor = torch.zeros(2**18)
    path = disk / "file"
    with pytest.raises(OSError, match="No space left") as caught, naming(path):
        if kind == "safetensors":
            from safetensors.torch import save_file

            save_file({"x": tensor}, path)
        elif kind == "torch":
            torch.save({"x": tensor}, path)
        else:
            from tokenizers import Tokenizer
            from tokenizers.models import WordLevel

            words = {f"word-{number}": number for number in range(20_000)}
            Tokenizer(WordLevel(words, "word-0")).save(str(path))
    assert caught.value.errno == errno.ENOSPC
    assert caught.value.filename == str(path)


def test_other_exceptions_stay_what_they_are(tmp_path):
    with pytest.raises(RuntimeError, match=r"^shapes$"), naming(tmp_path):
        raise RuntimeError("shapes")


@pytest.mark.parametrize("number", [errno.EACCES, errno.EROFS])
def test_a_folder_that_cannot_be_written_to_says_what_to_do(tmp_path, number):
    error = OSError(number, os.strerror(number), str(tmp_path / "x"))
    assert os_error_line(error, tmp_path) == (
        f"{tmp_path / 'x'}: {os.strerror(number)[0].lower()}{os.strerror(number)[1:]}: make it "
        "readable and writable for this user, or choose another folder"
    )


def test_a_copy_to_a_full_disk_names_what_is_written_not_what_is_read(disk, tmp_path):
    source, copy = tmp_path / "source", disk / "copy"
    source.write_bytes(bytes(2**21))
    with pytest.raises(OSError) as caught:
        shutil.copyfile(source, copy)
    said = os_error_line(caught.value, tmp_path)
    assert said.startswith(f"{copy}: no space left on device: the disk at {disk} has ")


def test_a_disk_is_where_it_is_mounted(disk):
    assert disk_of(disk / "not/there/yet") == disk
    assert module.free_bytes(disk / "not/there/yet") == 2**20


def test_sizes_have_units():
    shown = [size_text(size) for size in (0, 1023, 1024, 1.5 * 2**30, 2**40)]
    assert shown == ["0 bytes", "1023 bytes", "1.0 KiB", "1.5 GiB", "1.0 TiB"]
