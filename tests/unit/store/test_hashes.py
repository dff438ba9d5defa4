"""Files are compared with what was recorded of them: size, then bytes, of large ones samples."""

import hashlib
import os

import pytest

from starbench.store import hashes
from starbench.store.hashes import difference, sampled_sha256, stat_of


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Let files of more than 1000 bytes be large, and four pieces of 16 bytes be read of them."""
    for name, value in {"WHOLE_UP_TO": 1000, "SAMPLES": 4, "SAMPLE_BYTES": 16}.items():
        monkeypatch.setattr(hashes, name, value)


@pytest.fixture
def written(tmp_path):
    """Return a function that writes bytes and gives the arguments of `difference`."""

    def write(size):
        path = tmp_path / "file"
        path.write_bytes(bytes(number % 251 for number in range(size)))
        return path, hashlib.sha256(path.read_bytes()).hexdigest(), stat_of(path)

    return write


def flip(path, place, keep_time=True):
    before = path.stat()
    with path.open("r+b") as file:
        file.seek(place)
        byte = file.read(1)
        file.seek(place)
        file.write(bytes([byte[0] ^ 1]))
    # A time of its own even where the clock of the file system is coarse.
    moved = before.st_mtime_ns if keep_time else before.st_mtime_ns + 10**9
    os.utime(path, ns=(before.st_atime_ns, moved))


@pytest.mark.parametrize("size", [0, 1, 1000, 1001, 5000])
def test_an_unchanged_file_does_not_differ_with_what_is_recorded_or_without(written, size):
    path, sha256, stat = written(size)
    assert difference(path, sha256, stat) is None
    assert difference(path, sha256, None) is None
    assert ("sampled_sha256" in stat) == (size > 1000)


def test_another_size_is_told_without_reading(written):
    path, sha256, stat = written(100)
    path.write_bytes(b"x" * 99)
    before = hashes.CHECKS.bytes
    assert difference(path, sha256, stat) == "has 99 bytes, not 100 as recorded"
    assert hashes.CHECKS.bytes == before
    path.unlink()
    assert difference(path, sha256, stat) == "is missing"


@pytest.mark.parametrize("place", [0, 50, 99])
def test_a_flipped_bit_is_seen_though_size_and_time_are_the_same(written, place):
    path, sha256, stat = written(100)
    flip(path, place)
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    assert difference(path, sha256, stat) == (
        f"has other bytes (SHA-256 {found[:12]}) than recorded ({sha256[:12]})"
    )


def test_samples_are_pieces_from_the_start_to_the_end(written):
    path, _, stat = written(5000)
    content = path.read_bytes()
    pieces = [content[first : first + 16] for first in (0, 1661, 3322, 4984)]
    assert sampled_sha256(path) == hashlib.sha256(b"".join(pieces)).hexdigest()
    assert stat["sampled_sha256"] == sampled_sha256(path)


def test_of_a_large_file_a_bit_in_a_sample_is_seen_and_another_one_where_the_time_has_changed(
    written,
):
    path, sha256, stat = written(5000)
    flip(path, 1662)
    assert "other bytes" in difference(path, sha256, stat)
    flip(path, 1662)
    flip(path, 1000)
    assert difference(path, sha256, stat) is None, "what samples cannot see"
    flip(path, 2000, keep_time=False)
    assert "other bytes" in difference(path, sha256, stat)


def test_a_copy_with_another_time_is_read_whole_and_the_same(written):
    path, sha256, stat = written(5000)
    os.utime(path, ns=(1, 1))
    before = hashes.CHECKS.bytes
    assert difference(path, sha256, stat) is None
    assert hashes.CHECKS.bytes - before == 5000


def test_a_file_is_read_once_a_process(written):
    path, sha256, stat = written(500)
    before = hashes.CHECKS.files
    for _ in range(3):
        assert difference(path, sha256, stat) is None
    assert hashes.CHECKS.files == before + 1
