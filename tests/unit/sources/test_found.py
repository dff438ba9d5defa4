"""What can be scored in a folder is found by its layout."""

import gzip
import json

import pytest

from starbench.errors import InputError
from starbench.sources.found import found_datasets

PAIR = {"sentence1": "a man", "sentence2": "a boy", "score": 3.5}


def write_pairs(folder, name="test.jsonl", record=PAIR):
    folder.mkdir(parents=True, exist_ok=True)
    line = json.dumps(record) + "\n"
    if name.endswith(".gz"):
        with gzip.open(folder / name, "wt") as file:
            file.write(line)
    else:
        (folder / name).write_text(line)


def write_beir(folder, split="test"):
    (folder / "qrels").mkdir(parents=True)
    (folder / "corpus.jsonl").write_text('{"_id": "d", "title": "", "text": "a"}\n')
    (folder / "queries.jsonl").write_text('{"_id": "q", "text": "a"}\n')
    (folder / "qrels" / f"{split}.tsv").write_text("query-id\tcorpus-id\tscore\nq\td\t1\n")


def test_pairs_and_collections_are_found_at_any_depth(tmp_path):
    write_pairs(tmp_path / "sts" / "STS12")
    write_pairs(tmp_path / "sts" / "SICK-R", "test.jsonl.gz")
    write_beir(tmp_path / "retrieval" / "cranfield")
    found = found_datasets(tmp_path)
    assert {name: (section["kind"], section["name"]) for name, section in found.items()} == {
        "cranfield": ("collection", "retrieval/cranfield"),
        "sick-r": ("pairs", "sts/SICK-R"),
        "sts12": ("pairs", "sts/STS12"),
    }


def test_other_splits_and_other_records_are_passed_over(tmp_path):
    write_pairs(tmp_path / "one", "train.jsonl")
    write_pairs(tmp_path / "two", record={"anchor": "a", "positive": "b"})
    write_beir(tmp_path / "three", split="train")
    write_pairs(tmp_path / "four")
    assert list(found_datasets(tmp_path)) == ["four"]
    assert list(found_datasets(tmp_path, "train")) == ["one", "three"]


def test_folders_of_one_name_are_told_by_their_paths(tmp_path):
    write_pairs(tmp_path / "en" / "sts")
    write_pairs(tmp_path / "de" / "sts")
    assert list(found_datasets(tmp_path)) == ["de-sts", "en-sts"]


def test_a_folder_with_nothing_to_score_says_what_is_looked_for(tmp_path):
    with pytest.raises(InputError, match="no folder "):
        found_datasets(tmp_path / "nowhere")
    (tmp_path / "notes").mkdir()
    with pytest.raises(InputError, match=r"holds nothing to score: .*\(corpus\.jsonl"):
        found_datasets(tmp_path)


def test_names_that_meet_are_refused(tmp_path):
    write_pairs(tmp_path / "a b")
    write_pairs(tmp_path / "a-b")
    with pytest.raises(InputError, match="several folders would be called 'a-b'"):
        found_datasets(tmp_path)
