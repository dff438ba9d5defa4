"""Weights in PyTorch's format become safetensors: the same tensors, and no code is run."""

import json
import os
import pickle
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModel, BertConfig, BertForMaskedLM, BertModel

from starbench.encoders.masked_lm import load_masked_lm
from starbench.errors import InputError
from starbench.machine.files import sha256_of
from starbench.stages.data.pickled import convert_pickled
from starbench.store.manifest import read_manifest
from tests.unit.stages.data.test_checkpoints import fetched

SHARDS = ("pytorch_model-00001-of-00002.bin", "pytorch_model-00002-of-00002.bin")


@pytest.fixture
def model(tiny_checkpoint):
    return BertForMaskedLM.from_pretrained(tiny_checkpoint)


@pytest.fixture
def folder(tiny_checkpoint, tmp_path):
    """The tiny checkpoint without its weights."""
    copied = shutil.copytree(tiny_checkpoint, tmp_path / "checkpoint")
    (copied / "model.safetensors").unlink()
    return copied


def hidden_states(model):
    ids = torch.tensor([[2, 5, 6, 7, 8, 3], [2, 9, 10, 3, 0, 0]])
    with torch.no_grad():
        output = model.eval()(
            input_ids=ids, attention_mask=(ids > 0).long(), output_hidden_states=True
        )
    return torch.stack(output.hidden_states)


def direct(file):
    """A model with the weights of a file, read with torch.load and given to it by name."""
    weights = torch.load(file, weights_only=True)
    bare = {key.removeprefix("bert."): value for key, value in weights.items()}
    model = BertModel(BertConfig.from_pretrained(file.parent), add_pooling_layer=False)
    own = model.state_dict().keys()
    model.load_state_dict({key: value for key, value in bare.items() if key in own})
    return model


@pytest.mark.parametrize("prefix", ["bert.", ""])
def test_a_file_gives_the_same_hidden_states_and_its_checksum(tmp_path, folder, model, prefix):
    part = model if prefix else model.bert
    torch.save(part.state_dict(), folder / "pytorch_model.bin")
    copied = fetched(tmp_path, folder)
    ours = AutoModel.from_pretrained(copied)
    torch.testing.assert_close(
        hidden_states(ours), hidden_states(direct(folder / "pytorch_model.bin")), atol=1e-6, rtol=0
    )
    manifest = read_manifest(copied, "data")
    assert manifest["converted"] == {"pytorch_model.bin": sha256_of(folder / "pytorch_model.bin")}
    assert "model.safetensors" in manifest["files"]
    assert not list(copied.glob("*.bin"))


def test_every_tensor_is_kept_tied_ones_too(tmp_path, folder, model):
    state = model.state_dict()
    tied = ("bert.embeddings.word_embeddings.weight", "cls.predictions.decoder.weight")
    assert state[tied[0]].data_ptr() == state[tied[1]].data_ptr()
    torch.save(state, folder / "pytorch_model.bin")
    copied = fetched(tmp_path, folder)
    saved = load_file(copied / "model.safetensors")
    assert saved.keys() == state.keys()
    assert all(torch.equal(saved[key], value) for key, value in state.items())
    loaded = load_masked_lm(copied)
    assert loaded.cls.predictions.decoder.weight is loaded.bert.embeddings.word_embeddings.weight
    torch.testing.assert_close(
        loaded.cls.predictions.transform.dense.weight, model.cls.predictions.transform.dense.weight
    )


def test_views_and_half_precision_are_kept_as_they_are(tmp_path):
    whole = torch.arange(12.0).reshape(3, 4)
    given = {"a": whole.T, "b": whole[1:], "c": whole.to(torch.bfloat16)}
    torch.save(given, tmp_path / "pytorch_model.bin")
    convert_pickled(tmp_path, tmp_path)
    saved = load_file(tmp_path / "model.safetensors")
    for key, value in given.items():
        assert saved[key].dtype == value.dtype
        assert torch.equal(saved[key], value)


def save_shards(folder, state, **changed):
    names = sorted(state)
    place_of = {key: SHARDS[number % 2] for number, key in enumerate(names)}
    for shard in SHARDS:
        part = {key: state[key].clone() for key in names if place_of[key] == shard}
        torch.save(part, folder / shard)
    index = {"metadata": {"total_size": 1}, "weight_map": place_of | changed}
    (folder / "pytorch_model.bin.index.json").write_text(json.dumps(index))


def test_several_files_give_the_same_hidden_states(tmp_path, folder, model):
    save_shards(folder, model.state_dict())
    copied = fetched(tmp_path, folder)
    torch.testing.assert_close(
        hidden_states(AutoModel.from_pretrained(copied)), hidden_states(model), atol=1e-6, rtol=0
    )
    manifest = read_manifest(copied, "data")
    assert manifest["converted"].keys() == {*SHARDS, "pytorch_model.bin.index.json"}
    assert manifest["converted"][SHARDS[1]] == sha256_of(folder / SHARDS[1])


def test_a_missing_file_a_missing_tensor_and_a_path_elsewhere_are_refused(folder, model, tmp_path):
    save_shards(folder, model.state_dict(), other=SHARDS[0])
    with pytest.raises(InputError, match=f"{SHARDS[0]} lacks 'other'"):
        fetched(tmp_path, folder)
    save_shards(folder, model.state_dict(), other="../../pytorch_model-1-of-2.bin")
    with pytest.raises(InputError, match="is not a name of a shard"):
        fetched(tmp_path, folder)
    save_shards(folder, model.state_dict())
    (folder / SHARDS[1]).unlink()
    with pytest.raises(InputError, match=f"no file .*{SHARDS[1]}"):
        fetched(tmp_path, folder)


class RunsCode:
    """Unpickling this makes a file."""

    def __init__(self, file):
        self.file = file

    def __reduce__(self):
        return os.system, (f"touch {self.file}",)


@pytest.mark.parametrize("wrapped", [True, False])
def test_a_file_with_code_is_refused_and_the_code_is_not_run(tmp_path, folder, wrapped):
    ran = tmp_path / "ran"
    file = folder / "pytorch_model.bin"
    if wrapped:
        torch.save({"weight": torch.ones(2), "more": RunsCode(ran)}, file)
    else:
        file.write_bytes(pickle.dumps(RunsCode(ran), protocol=2))
    with pytest.raises(InputError, match=r"something else than weights \(posix.system\)") as found:
        fetched(tmp_path, folder)
    assert "\n" not in str(found.value)
    assert not ran.exists()
    assert not (tmp_path / "results" / "tiny" / "checkpoints" / "tiny").exists()
    pickle.loads(pickle.dumps(RunsCode(ran)))
    assert ran.exists(), "the code would have run"


def test_a_file_that_is_no_weights_is_refused_in_one_line(tmp_path, folder, model):
    file = folder / "pytorch_model.bin"
    torch.save(model.state_dict(), file)
    whole = file.read_bytes()
    for broken in (b"", b"version https://git-lfs.github.com/spec/v1", whole[: len(whole) // 2]):
        file.write_bytes(broken)
        with pytest.raises(InputError, match=str(file)) as found:
            fetched(tmp_path, folder)
        assert "\n" not in str(found.value)
    for wrong in ([torch.ones(2)], {}, {"model": {"a": torch.ones(2)}}, {"step": 3}):
        torch.save(wrong, file)
        with pytest.raises(InputError, match=r"holds no tensors by name|is not a tensor, but a"):
            fetched(tmp_path, folder)


def test_weights_that_the_encoder_lacks_are_named(tmp_path, folder, model):
    state = dict(model.state_dict())
    del state["bert.encoder.layer.1.intermediate.dense.bias"]
    torch.save(state, folder / "pytorch_model.bin")
    with pytest.raises(InputError, match=r"lacks 1 weights .*layer.1.intermediate.dense.bias"):
        fetched(tmp_path, folder)


def test_safetensors_are_taken_where_both_are_there(tmp_path, tiny_checkpoint):
    both = Path(shutil.copytree(tiny_checkpoint, tmp_path / "both"))
    (both / "pytorch_model.bin").write_bytes(b"never read")
    copied = fetched(tmp_path, both)
    assert "converted" not in read_manifest(copied)
    assert sha256_of(copied / "model.safetensors") == sha256_of(both / "model.safetensors")
