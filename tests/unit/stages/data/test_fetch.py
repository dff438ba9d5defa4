"""Sources give normalised records, and bad data give one error that names file and line."""

import gzip
import json
import shutil

import pytest

from starbench.errors import InputError
from starbench.run.paths import RunPaths
from starbench.stages.data.fetch import fetch_dataset
from starbench.store.manifest import read_manifest
from starbench.store.records import read_records
from tests.unit.runs import tiny_config

PAIRS = [
    {"sentence1": "a cat", "sentence2": "the cat", "score": 4.5, "more": 1},
    {"sentence1": "a dog", "sentence2": "a — boat", "score": "0.25"},
]


def fetched(tmp_path, dataset, root=None):
    config = tiny_config(datasets={"given": dataset}, data_root=str(root or tmp_path))
    paths = RunPaths.of(config, tmp_path / "results")
    fetch_dataset(config, paths, "given")
    return read_records(paths.dataset("given")).to_list()


def pairs_file(tmp_path, lines, name="test.jsonl"):
    folder = tmp_path / "sts" / "Mine"
    folder.mkdir(parents=True)
    text = "".join(f"{line}\n" for line in lines)
    data = gzip.compress(text.encode()) if name.endswith(".gz") else text.encode()
    (folder / name).write_bytes(data)
    return {"kind": "pairs", "source": "folder", "name": "sts/Mine"}


@pytest.mark.parametrize("name", ["test.jsonl", "test.jsonl.gz"])
def test_a_folder_plain_or_gzipped_gives_just_the_fields_of_its_kind(tmp_path, name):
    dataset = pairs_file(tmp_path, [json.dumps(pair) for pair in PAIRS], name)
    assert fetched(tmp_path, dataset) == [
        {"sentence1": "a cat", "sentence2": "the cat", "score": 4.5},
        {"sentence1": "a dog", "sentence2": "a — boat", "score": 0.25},
    ]


def test_a_text_dataset_is_one_file(tmp_path):
    (tmp_path / "text").mkdir()
    (tmp_path / "text" / "wiki.jsonl").write_text('{"text": "one"}\n\n{"text": "two"}\n')
    dataset = {"kind": "text", "source": "folder", "name": "text/wiki", "rows": 1}
    assert fetched(tmp_path, dataset) == [{"text": "one"}]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"sentence1": "a", "sentence2": "b", "score": ', r"test\.jsonl:2: not JSON"),
        ('["a", "b", 1]', r"test\.jsonl:2: expected a JSON object, got list"),
        (
            '{"sentence1": "a", "sentence2": "b", "score": "good"}',
            r":2: field 'score' is not a num",
        ),
        (
            '{"sentence1": "a", "sentence2": "b", "score": NaN}',
            r":2: field 'score' is not a number",
        ),
        ('{"sentence1": "a", "sentence2": "b", "score": true}', r":2: field 'score' is not a numb"),
        ('{"sentence1": "a", "sentence2": "b", "score": null}', r":2: field 'score' is not a numb"),
        (
            '{"sentence1": "a", "sentenc2": "b", "score": 1}',
            r":2: no field 'sentence2' .*'sentenc2'",
        ),
        (
            '{"sentence1": "a", "sentence2": 7, "score": 1}',
            r":2: field 'sentence2' is not a text: 7",
        ),
    ],
)
def test_a_bad_record_is_named_by_file_and_line_and_leaves_nothing(tmp_path, line, message):
    dataset = pairs_file(tmp_path, [json.dumps(PAIRS[0]), line])
    with pytest.raises(InputError, match=message):
        fetched(tmp_path, dataset)
    assert not [path for path in (tmp_path / "results").rglob("*") if path.is_file()]


def test_a_blank_pair_is_scored_and_a_blank_text_for_training_is_left_out(tmp_path):
    pairs = [PAIRS[0], PAIRS[1] | {"sentence2": " "}]
    dataset = pairs_file(tmp_path, [json.dumps(pair) for pair in pairs])
    assert [row["sentence2"] for row in fetched(tmp_path, dataset)] == ["the cat", " "]
    folder = tmp_path / "results" / "tiny" / "data" / "given"
    assert read_manifest(folder)["findings"] == {"blank_pairs": 1}
    with pytest.raises(InputError, match=r"dataset 'given' is strict, but .*test\.jsonl:2: pairs"):
        fetched(tmp_path, dataset | {"strict": True})
    (tmp_path / "text").mkdir()
    (tmp_path / "text" / "wiki.jsonl").write_text('{"text": "one"}\n{"text": " "}\n')
    dataset = {"kind": "text", "source": "folder", "name": "text/wiki"}
    assert fetched(tmp_path, dataset) == [{"text": "one"}]
    assert read_manifest(folder)["findings"] == {"blank_records": 1}


def test_a_damaged_gzip_and_wrong_encoding_are_named(tmp_path):
    dataset = pairs_file(tmp_path, [json.dumps(PAIRS[0])] * 500, "test.jsonl.gz")
    file = tmp_path / "sts" / "Mine" / "test.jsonl.gz"
    file.write_bytes(file.read_bytes()[:-20])
    with pytest.raises(InputError, match=r"gz:\d+: the gzip file is damaged"):
        fetched(tmp_path, dataset)
    file.rename(file.with_name("other"))
    (file.parent / "test.jsonl").write_bytes(b'{"sentence1": "caf\xe9"}\n')
    with pytest.raises(InputError, match=r"jsonl:1: not UTF-8"):
        fetched(tmp_path, dataset)


def test_an_empty_dataset_is_refused(tmp_path):
    with pytest.raises(InputError, match="dataset 'given' has no records"):
        fetched(tmp_path, pairs_file(tmp_path, []))
    assert not [path for path in (tmp_path / "results").rglob("*") if path.is_file()]


def test_what_is_missing_is_named_with_what_there_is(tmp_path):
    dataset = pairs_file(tmp_path, [json.dumps(PAIRS[0])])
    with pytest.raises(InputError, match=r"no folder .*sts/Mien \(did you mean 'Mine'\?\)"):
        fetched(tmp_path, dataset | {"name": "sts/Mien"})
    with pytest.raises(InputError, match=r"no file .*train\.jsonl .*\(valid: test\)"):
        fetched(tmp_path, dataset | {"split": "train"})
    with pytest.raises(InputError, match=r"the data root .*nowhere is not a folder"):
        fetched(tmp_path, dataset, root=tmp_path / "nowhere")


def test_without_a_data_root_the_key_and_the_variable_are_named(tmp_path, monkeypatch):
    monkeypatch.delenv("STARBENCH_DATA", raising=False)
    dataset = pairs_file(tmp_path, [json.dumps(pair) for pair in PAIRS])
    config = tiny_config(datasets={"given": dataset})
    with pytest.raises(InputError, match=r"data_root .* STARBENCH_DATA"):
        fetch_dataset(config, RunPaths.of(config, tmp_path), "given")
    monkeypatch.setenv("STARBENCH_DATA", str(tmp_path))
    fetch_dataset(config, RunPaths.of(config, tmp_path / "results"), "given")


def test_the_manifest_vouches_for_the_records(tmp_path):
    dataset = pairs_file(tmp_path, [json.dumps(pair) for pair in PAIRS])
    fetched(tmp_path, dataset)
    folder = tmp_path / "results" / "tiny" / "data" / "given"
    manifest = read_manifest(folder, "data")
    assert manifest["records"] == {"records.arrow": 2}
    assert manifest["config"]["name"] == "sts/Mine"
    assert list(manifest["files"]) == ["records.arrow"]
    with pytest.raises(InputError, match="is of stage 'data', expected 'embed'"):
        read_manifest(folder, "embed")


def test_a_hub_dataset_is_read_with_its_columns_renamed(tmp_path):
    """`datasets` reads a local folder in the hub's layout with the code that reads the hub."""
    repository = tmp_path / "repository"
    repository.mkdir()
    rows = [
        {"text_a": "a", "text_b": "b", "score": 1.0},
        {"text_a": "c", "text_b": "d", "score": 2},
        {"text_a": "e", "text_b": "f", "score": 3},
    ]
    (repository / "train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    dataset = {
        "kind": "pairs",
        "source": "hub",
        "name": str(repository),
        "columns": {"sentence1": "text_a", "sentence2": "text_b"},
    }
    assert fetched(tmp_path, dataset)[1] == {"sentence1": "c", "sentence2": "d", "score": 2.0}
    assert len(fetched(tmp_path, dataset | {"rows": 2})) == 2
    assert len(fetched(tmp_path, dataset | {"streaming": True, "rows": 2})) == 2
    wrong = dataset | {"columns": {"sentence1": "txt_a"}}
    with pytest.raises(InputError, match=r"no column 'txt_a' \(did you mean 'text_a'\?\)"):
        fetched(tmp_path, wrong)


def test_a_hub_dataset_that_cannot_be_reached_says_so(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    dataset = {"kind": "triplets", "source": "hub", "name": "nobody/nothing"}
    with pytest.raises(InputError, match=r"cannot load hub dataset 'nobody/nothing', .*OFFLINE"):
        fetched(tmp_path, dataset)


def test_micro_is_made_without_any_data(tmp_path):
    rows = fetched(tmp_path, {"kind": "triplets", "source": "micro", "rows": 5})
    assert len(rows) == 5
    assert set(rows[0]) == {"anchor", "positive", "negative"}
    shutil.rmtree(tmp_path / "results")
    assert fetched(tmp_path, {"kind": "triplets", "source": "micro", "rows": 5}) == rows


def test_records_that_other_datasets_hold_are_left_out(tmp_path):
    def write(name, rows):
        (tmp_path / name).mkdir()
        (tmp_path / name / "test.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
        return {"kind": "pairs", "source": "folder", "name": name}

    def pair(one, other, score):
        return {"sentence1": one, "sentence2": other, "score": score}

    rows = [
        pair("A cat.", "a dog", 1), pair("a dog", "a boat", 2), pair("a cat", "a boat", 3),
        pair("a bird", "a tree", 4),
    ]  # fmt: skip
    datasets = {
        "dev": write("dev", rows) | {"without": ["scored", "asked"]},
        "scored": write("scored", [pair("A DOG", "a cat", 3), pair("a", "b", 1)]),
        "asked": {"kind": "training-queries", "source": "micro", "rows": 20, "seed": 4},
    }
    config = tiny_config(datasets=datasets, data_root=str(tmp_path))
    paths = RunPaths.of(config, tmp_path / "results")
    with pytest.raises(InputError, match="scored is not finished"):
        fetch_dataset(config, paths, "dev")
    for name in ("scored", "asked", "dev"):
        fetch_dataset(config, paths, name)
    kept = read_records(paths.dataset("dev")).to_list()
    assert kept == rows[1:], "the pair in the other order and case is left out, and no other"
    assert read_manifest(paths.dataset("dev"))["left_out"] == 1
    assert "without" not in config.datasets["scored"].contents_slice()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"without": ["nowhere"]}, r"datasets\.dev\.without\.0: no dataset 'nowhere'"),
        ({"without": ["dev"]}, r"'dev' has a list `without` of its own"),
        ({"without": ["text"]}, r"'text' is a text: it holds no pairs or queries"),
        ({"kind": "text", "without": ["test"]}, r"'without' is for records of pairs or"),
    ],
)
def test_what_a_dataset_cannot_be_without_is_named(changes, message):
    text = {"kind": "text", "source": "micro", "rows": 5}
    dev = {"kind": "pairs", "source": "micro", "rows": 9} | changes
    with pytest.raises(InputError, match=message):
        tiny_config(datasets={"dev": dev, "text": text})
