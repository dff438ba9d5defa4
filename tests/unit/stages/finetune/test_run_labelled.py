"""Fine-tuning on labelled texts: heads are kept, resumed, and trained alone or not."""

import shutil

import numpy as np
import pytest
from safetensors.numpy import load_file

from starbench.errors import InputError
from starbench.run.held_back import some_of_each
from starbench.run.models import model_named
from starbench.run.slices import finetuning_slice
from starbench.sizes import Size
from starbench.stages.finetune.run import finetune_model, training_rows
from starbench.store.heads import read_heads
from starbench.store.manifest import read_manifest
from starbench.store.records import read_records
from tests.unit.runs import tiny_config
from tests.unit.stages.evaluate.labelled import FINETUNING, TRACK, labelled_config, prepared
from tests.unit.stages.finetune.test_run import StopAt


@pytest.fixture
def run(tmp_path, tiny_checkpoint):
    config = labelled_config(tiny_checkpoint)
    return config, prepared(tmp_path, config)


def arrays_of(folder):
    model = load_file(folder / "model" / "model.safetensors")
    return model | load_file(folder / "heads.safetensors")


def test_a_resumed_training_ends_with_the_heads_of_a_straight_one(run, monkeypatch):
    config, paths = run
    folder = paths.model(TRACK, "mrl", 1)
    finetune_model(config, paths, TRACK, "mrl", 1)
    straight = arrays_of(folder)
    heads = read_heads(folder)
    assert heads.sizes == (Size(4, 4), Size(4, 8), Size(4, 16))
    assert "heads.safetensors" in read_manifest(folder)["files"]
    shutil.rmtree(folder)
    from starbench.stages.finetune import run as module

    with monkeypatch.context() as patch:
        start = module.StartStep

        class Stopping(start, StopAt):
            def __init__(self, loss):
                start.__init__(self, loss)
                StopAt.__init__(self, 5)

        patch.setattr(module, "StartStep", Stopping)
        with pytest.raises(KeyboardInterrupt):
            finetune_model(config, paths, TRACK, "mrl", 1)
    finetune_model(config, paths, TRACK, "mrl", 1)
    resumed = arrays_of(folder)
    for name, array in straight.items():
        assert np.array_equal(array, resumed[name]), name


def test_the_encoder_stays_as_it_is_where_heads_alone_are_trained(run, tiny_checkpoint):
    config, paths = run
    finetune_model(config, paths, TRACK, "probe", 1)
    before = load_file(tiny_checkpoint / "model.safetensors")
    after = load_file(paths.model(TRACK, "probe", 1) / "model" / "model.safetensors")
    for name, array in after.items():
        assert np.array_equal(array, before[f"bert.{name}"]), name


def test_one_model_for_one_size_has_one_head(run):
    config, paths = run
    finetune_model(config, paths, TRACK, "ff-n2-d8", 1)
    heads = read_heads(paths.model(TRACK, "ff-n2-d8", 1))
    assert heads.sizes == (Size(2, 8),)
    assert heads.at(Size(2, 8))[0].shape == (len(heads.classes), 8)


def test_some_examples_of_each_label_are_held_back_and_not_trained_on(run):
    config, paths = run
    model = model_named(config, TRACK, "mrl")
    labels = list(read_records(paths.dataset("train"))["label"])
    held = some_of_each(labels, 0.1, 1, "train")
    rows, _ = training_rows(config, paths, model, 1)
    assert sorted([*rows["text"], *(read_records(paths.dataset("train"))[held]["text"])]) == sorted(
        read_records(paths.dataset("train"))["text"]
    )
    for label in set(labels):
        count = sum(labels[row] == label for row in held)
        assert count == max(1, round(0.1 * labels.count(label))), label
    assert not np.array_equal(held, some_of_each(labels, 0.1, 2, "train")), "by seed"


def test_a_label_with_one_example_ends_in_one_line():
    with pytest.raises(
        InputError, match=r"^dataset 'd': label 'b' has one example; needed are two"
    ):
        some_of_each(["a", "a", "b"], 0.1, 1, "d")
    assert list(some_of_each(["a", "a"], 0.9, 1, "d")) in ([0], [1]), "one is left to train on"


@pytest.mark.parametrize(
    ("finetuning", "message"),
    [
        ({"loss": "mnrl"}, r"softmax is for the loss softmax, on track .* it is mnrl"),
        ({"temperature": 0.1}, r"temperature: the loss softmax has no temperature"),
    ],
)
def test_settings_that_do_not_fit_are_refused(tiny_checkpoint, finetuning, message):
    given = {key: v for key, v in FINETUNING.items() if key != "head_learning_rate"}
    with pytest.raises(InputError, match=message):
        labelled_config(tiny_checkpoint, finetuning=given | finetuning)


def test_keys_of_labelled_texts_are_refused_elsewhere():
    with pytest.raises(
        InputError, match=r"tracks\.sts\.held_back: is for the track classification"
    ):
        tiny_config(tracks={"sts": {"tasks": ["test"], "held_back": 0.2}})


def test_older_trainings_depend_on_what_they_did():
    config = tiny_config()
    found = finetuning_slice(config, model_named(config, "sts", "tiny-srl"), 1)["finetuning"]
    assert not {"head_learning_rate", "held_back"} & found.keys()
