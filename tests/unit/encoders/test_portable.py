"""A saved model has the layout that versions 4 to 6 of sentence-transformers read alike."""

import json

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Dense, Pooling, Transformer

import starbench
from starbench import Size
from starbench.errors import InputError
from tests.unit.encoders.small_models import TEXTS, WIDTH, model_of, told

MODES = ("cls", "max", "mean", "mean_sqrt_len_tokens", "weightedmean", "lasttoken", ("cls", "mean"))


def read(path):
    return json.loads(path.read_text())


@pytest.mark.parametrize("kind", ["pooling", "normalize", "dense", "norm"])
@pytest.mark.parametrize("size", [Size(2, 8), Size(4, 12)], ids=str)
def test_a_saved_model_encodes_the_same_with_no_argument(tiny_checkpoint, tmp_path, kind, size):
    small = starbench.cut(model_of(tiny_checkpoint, kind), size)
    starbench.save(small, tmp_path / "small")
    loaded = SentenceTransformer(str(tmp_path / "small"), device="cpu")
    assert loaded.get_embedding_dimension() == size.dim
    np.testing.assert_allclose(loaded.encode(TEXTS), small.encode(TEXTS), atol=1e-6)


@pytest.mark.parametrize("modes", MODES, ids=str)
def test_every_pooling_is_loaded_again(tiny_checkpoint, tmp_path, modes):
    model = model_of(tiny_checkpoint, "normalize", modes)
    starbench.save(model, tmp_path / "model")
    loaded = SentenceTransformer(str(tmp_path / "model"), device="cpu")
    np.testing.assert_allclose(loaded.encode(TEXTS), model.encode(TEXTS), atol=1e-6)
    written = read(tmp_path / "model" / "1_Pooling" / "config.json")
    on = {key for key, value in written.items() if key.startswith("pooling_mode") and value}
    assert len(on) == (1 if isinstance(modes, str) else len(modes))
    assert written["word_embedding_dimension"] == WIDTH


def test_the_layout_is_the_older_one(tiny_checkpoint, tmp_path):
    small = starbench.cut(model_of(tiny_checkpoint, "normalize"), Size(2, 8))
    starbench.save(small, tmp_path / "small")
    modules = read(tmp_path / "small" / "modules.json")
    assert [m["type"] for m in modules] == [
        f"sentence_transformers.models.{kind}"
        for kind in ("Transformer", "Pooling", "Dense", "Normalize")
    ]
    assert [m["path"] for m in modules] == ["", "1_Pooling", "2_Dense", "3_Normalize"]
    transformer = read(tmp_path / "small" / "sentence_bert_config.json")
    assert transformer == {"max_seq_length": 32, "do_lower_case": False}
    assert read(tmp_path / "small" / "2_Dense" / "config.json") == {
        "in_features": 16,
        "out_features": 8,
        "bias": False,
        "activation_function": "torch.nn.modules.linear.Identity",
    }
    assert read(tmp_path / "small" / "1_Pooling" / "config.json")["pooling_mode_mean_tokens"]


def test_what_only_newer_versions_have_stays_as_they_write_it(tiny_checkpoint, tmp_path, caplog):
    tokens = Dense(WIDTH, 8, module_input_name="token_embeddings")
    modules = [Transformer(str(tiny_checkpoint)), tokens, Pooling(8, ("mean", "cls"))]
    model = SentenceTransformer(modules=modules, device="cpu")
    starbench.save(model, tmp_path / "model")
    assert told(caplog) == [
        "only newer versions of the library read module_input_name and module_output_name",
        "only newer versions of the library put mean, cls side by side",
    ]
    loaded = SentenceTransformer(str(tmp_path / "model"), device="cpu")
    np.testing.assert_allclose(loaded.encode(TEXTS), model.encode(TEXTS), atol=1e-6)


def test_a_folder_with_files_is_left_alone(tiny_checkpoint, tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match="is not empty"):
        starbench.save(model_of(tiny_checkpoint), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]
    starbench.save(model_of(tiny_checkpoint), tmp_path / "new")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["new", "notes.txt"]


@pytest.mark.parametrize("kind", ["pooling", "dense", "norm"])
def test_half_precision_is_stored_and_float32_is_computed(tiny_checkpoint, tmp_path, kind):
    model = model_of(tiny_checkpoint, kind)
    small = starbench.cut(model, Size(2, 8))
    starbench.save(small, tmp_path / "whole")
    starbench.save(small, tmp_path / "half", weights="float16")
    files = sorted(
        path.relative_to(tmp_path / "half") for path in tmp_path.rglob("half/**/*.safe*")
    )
    assert len(files) > (kind == "dense")
    for file in files:
        whole, half = (load_file(tmp_path / folder / file) for folder in ("whole", "half"))
        for name, tensor in whole.items():
            assert half[name].dtype == torch.float16, name
            assert half[name].equal(tensor.half()), name
    loaded = SentenceTransformer(str(tmp_path / "half"), device="cpu")
    assert {weight.dtype for weight in loaded.parameters()} == {torch.float32}
    for weight in small.parameters():
        weight.data = weight.data.half().float()
    np.testing.assert_allclose(loaded.encode(TEXTS), small.encode(TEXTS), atol=1e-6)


def test_a_weight_beyond_float16_is_named_and_nothing_is_left(tiny_checkpoint, tmp_path):
    model = model_of(tiny_checkpoint)
    model[0].model.embeddings.LayerNorm.weight.data[3] = 1e5
    with pytest.raises(InputError, match=r"LayerNorm\.weight has a weight that float16 cannot"):
        starbench.save(model, tmp_path / "model", weights="float16")
    assert list(tmp_path.iterdir()) == []
