"""Edited source files are told from touched ones, and what stands for them is steady."""

import hashlib
import os
from pathlib import Path

import pytest

from starbench.errors import InputError
from starbench.store import source_files as module
from starbench.store.source_files import RECORD, SourceFiles, source_files, stamp_of


@pytest.fixture
def files(tmp_path) -> list[Path]:
    (tmp_path / "raw" / "qrels").mkdir(parents=True)
    made = [tmp_path / "raw" / "corpus.jsonl", tmp_path / "raw" / "qrels" / "test.tsv"]
    for path in made:
        path.write_text(f"{path.name}\n" * 3)
    return made


@pytest.fixture
def folder(tmp_path) -> Path:
    made = tmp_path / "data"
    made.mkdir()
    return made


def fetch(folder: Path, files: list[Path]) -> SourceFiles:
    """What a fetch does: Snakemake has removed the manifest by then."""
    (folder / "manifest.json").unlink(missing_ok=True)
    record = source_files(folder, files)
    (folder / "records.arrow").write_text("x")
    record.write(folder)
    (folder / "manifest.json").write_text("{}")
    return record


def test_the_stamp_before_the_first_fetch_is_the_stamp_after_it(folder, files):
    before = stamp_of(folder, files)
    assert before is not None
    assert fetch(folder, files).stamp == before == stamp_of(folder, files)


def test_a_record_names_each_file_below_their_folder_with_its_checksum(folder, files):
    expected = {
        "corpus.jsonl": hashlib.sha256(b"corpus.jsonl\n" * 3).hexdigest(),
        "qrels/test.tsv": hashlib.sha256(b"test.tsv\n" * 3).hexdigest(),
    }
    assert fetch(folder, files).checksums == expected
    recorded = SourceFiles.recorded_in(folder)
    assert recorded is not None
    assert recorded.checksums == expected


def test_a_touched_file_changes_nothing_and_an_edited_one_of_equal_size_does(folder, files):
    first = fetch(folder, files).stamp
    os.utime(files[0], ns=(1, 1))
    assert stamp_of(folder, files) == first
    files[0].write_text(files[0].read_text().replace("corpus", "corpse"))
    edited = stamp_of(folder, files)
    assert edited not in (first, None)
    assert fetch(folder, files).stamp == edited == stamp_of(folder, files)


def test_contents_put_back_count_as_changed_again(folder, files):
    before, text = fetch(folder, files).stamp, files[0].read_text()
    files[0].write_text("other\n")
    edited = fetch(folder, files).stamp
    files[0].write_text(text)
    back = stamp_of(folder, files)
    assert back != edited
    assert back != before, "times are part of the first stamp"
    assert fetch(folder, files).stamp == back


def test_a_file_more_or_less_is_a_change(folder, files):
    first = fetch(folder, files).stamp
    assert stamp_of(folder, files[:1]) != first
    (files[0].parent / "more.jsonl").write_text("x")
    assert stamp_of(folder, [*files, files[0].parent / "more.jsonl"]) != first


def test_equal_files_in_another_place_are_unchanged(folder, files, tmp_path):
    first = fetch(folder, files).stamp
    (tmp_path / "raw").rename(tmp_path / "moved")
    moved = [tmp_path / "moved" / file.relative_to(tmp_path / "raw") for file in files]
    os.utime(moved[1], ns=(5, 5))
    assert stamp_of(folder, moved) == first


def test_data_fetched_without_a_record_have_no_stamp_until_their_files_change(folder, files):
    (folder / "records.arrow").write_text("x")
    (folder / "manifest.json").write_text("{}")
    assert stamp_of(folder, files) is None
    # Fetched anew for another reason, with the same files: still the same as far as they go.
    assert fetch(folder, files).stamp is None
    assert stamp_of(folder, files) is None
    files[0].write_text("edited\n")
    edited = stamp_of(folder, files)
    assert edited is not None
    assert fetch(folder, files).stamp == edited == stamp_of(folder, files)


def test_a_fetch_that_was_killed_leaves_the_stamp_as_it_was(folder, files):
    expected = stamp_of(folder, files)
    (folder / ".records.arrow.7.tmp").write_text("half")
    assert stamp_of(folder, files) == expected
    fetch(folder, files)
    files[0].write_text("edited\n")
    edited = stamp_of(folder, files)
    (folder / "manifest.json").unlink()  # Snakemake has begun the job, which then is killed
    assert stamp_of(folder, files) == edited
    assert fetch(folder, files).stamp == edited


def test_unchanged_files_are_not_read_again(folder, files, monkeypatch):
    fetch(folder, files)

    def read(path):
        raise AssertionError(f"{path} is read")

    monkeypatch.setattr(module, "sha256_of", read)
    stamp_of(folder, files)
    os.utime(files[0], ns=(1, 1))
    with pytest.raises(AssertionError, match=r"corpus\.jsonl is read"):
        stamp_of(folder, files)


def test_without_files_there_is_no_stamp_and_no_record(folder, files):
    fetch(folder, files)
    assert fetch(folder, []).stamp is None
    assert not (folder / RECORD).exists()


def test_a_damaged_record_is_one_line(folder, files):
    fetch(folder, files)
    (folder / RECORD).write_text('{"stamp": ')
    with pytest.raises(InputError, match=r"source_files\.json is damaged"):
        stamp_of(folder, files)
