"""Labelled texts: texts and labels are kept, and a wrong label ends in one line."""

import json

import pytest

from starbench.errors import InputError
from starbench.run.paths import RunPaths
from starbench.run.texts import in_order_of_fetching
from starbench.stages.data.fetch import fetch_dataset
from starbench.store.manifest import read_manifest
from starbench.store.records import read_records
from tests.unit.runs import tiny_config

TRAIN = [
    {"text": "where is my card", "label": 12, "label_text": "card_arrival"},
    {"text": "who are you", "label": "other"},
    {"text": "hello", "label": "other"},
]
TEST = [{"text": "hi", "label": "other"}, {"text": " ", "label": "12"}]


def fetched(tmp_path, test=TEST, train=TRAIN, **keys):
    """Fetch a dataset `given` and its examples; return what reads their records, and the paths."""
    for split, records in (("train", train), ("test", test)):
        path = tmp_path / "mine" / f"{split}.jsonl"
        path.parent.mkdir(exist_ok=True)
        path.write_text("".join(json.dumps(record) + "\n" for record in records))
    folder = {"kind": "labelled", "source": "folder", "name": "mine"}
    given = folder | {"examples": "known"} | keys
    datasets = {"given": given, "known": folder | {"split": "train"}}
    config = tiny_config(datasets=datasets, data_root=str(tmp_path))
    paths = RunPaths.of(config, tmp_path / "results")
    order = [name for name in in_order_of_fetching(config) if name in datasets]
    assert order == ["known", "given"]
    for name in order:
        fetch_dataset(config, paths, name)
    return lambda name: read_records(paths.dataset(name)).to_list(), paths


def test_texts_and_labels_are_kept_and_numbers_of_labels_become_texts(tmp_path):
    records, paths = fetched(tmp_path)
    labels = [record["label"] for record in TRAIN]
    assert [row["label"] for row in records("known")] == [str(label) for label in labels]
    assert records("given") == TEST, "a blank text is kept: it is scored"
    assert read_manifest(paths.dataset("given"))["findings"] == {"blank_labelled": 1}


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ({"text": "a", "label": ""}, r"test\.jsonl:2: the label is empty$"),
        ({"text": "a", "label": " "}, r"test\.jsonl:2: the label is empty$"),
        ({"text": "a", "label": None}, r"test\.jsonl:2: field 'label' is not a label: None; a"),
        ({"text": "a", "label": 1.5}, r":2: field 'label' is not a label: 1\.5; a label is a text"),
        ({"text": "a", "label": True}, r":2: field 'label' is not a label: True"),
        (
            {"text": "a", "labels": "x"},
            r":2: no field 'label' in the record \(did you mean 'labels'",
        ),
        ({"text": 3, "label": "x"}, r":2: field 'text' is not a text: 3"),
        (
            {"text": "a", "label": "more"},
            r"dataset 'given': no text of its examples 'known' has its label 'more', so nothing",
        ),
    ],
)
def test_a_wrong_label_ends_in_one_line_and_leaves_nothing(tmp_path, record, message):
    with pytest.raises(InputError, match=message) as raised:
        fetched(tmp_path, [TEST[0], record])
    assert "\n" not in str(raised.value)
    assert not list((tmp_path / "results").rglob("given/*"))


def test_texts_of_a_single_label_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"'given': all of its texts have the label 'other'"):
        fetched(tmp_path, TEST[:1])


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"examples": "nowhere"}, r"datasets\.given\.examples: no dataset 'nowhere'"),
        ({"examples": "test"}, r"dataset 'test' is of kind pairs, needed is labelled"),
        ({"examples": "given"}, r"its texts would be classified by themselves"),
        ({"kind": "pairs"}, r"'examples' is for labelled, not for kind pairs"),
    ],
)
def test_examples_that_do_not_fit_are_named(tmp_path, keys, message):
    with pytest.raises(InputError, match=message):
        fetched(tmp_path, **keys)


def test_generated_texts_know_their_label_sets_and_splits(tmp_path):
    micro = {"kind": "labelled", "source": "micro", "rows": 30}
    datasets = {"a": micro, "b": micro | {"name": "agent", "split": "train"}}
    config = tiny_config(datasets=datasets)
    paths = RunPaths.of(config, tmp_path)
    for name in datasets:
        fetch_dataset(config, paths, name)
    first, second = ({r["label"] for r in read_records(paths.dataset(n))} for n in datasets)
    assert "kindness" in first
    assert "artisan" in second
    for wrong, message in (
        ({"name": "actor"}, r"name: no micro label set 'actor'"),
        ({"split": "dev"}, r"split: 'dev' is not valid \(valid: test, train\)"),
        ({"kind": "triplets", "split": "test"}, r"split.* is for labelled, not for kind triplets"),
    ):
        with pytest.raises(InputError, match=message):
            tiny_config(datasets={"a": micro | wrong})


def test_what_was_fetched_before_there_were_labels_stays_as_it_is():
    config = tiny_config()
    assert config.datasets["test"].contents_slice() == {
        "corpus": None, "kind": "pairs", "name": "paraphrase", "rows": 40, "source": "micro",
        "queries": None, "seed": 1,
    }  # fmt: skip
