"""A model is cut to layers and dimensions, whatever modules it has."""

import logging

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from sentence_transformers import SentenceTransformer

import starbench
from starbench import Size
from starbench.errors import InputError
from tests.unit.encoders.small_models import TEXTS, behind, model_of, told

KINDS = ("pooling", "normalize", "dense", "norm")
MODES = ("cls", "max", "mean", "mean_sqrt_len_tokens", "weightedmean", "lasttoken", ("cls", "mean"))


def written_out(model, kind, size, modes="mean"):
    """The vectors of a size by its definition: hidden states, the modules, a slice, the norm."""
    features = dict(model.preprocess(TEXTS))
    inputs = {key: features[key] for key in ("input_ids", "attention_mask")}
    output = model[0].model(**inputs, output_hidden_states=True)
    features["token_embeddings"] = output.hidden_states[size.layers]
    for module in list(model._modules.values())[1:]:
        if type(module).__name__ != "Normalize":
            features = module(features)
    vectors = features["sentence_embedding"][:, : size.dim]
    is_unit = type(behind(kind, modes)[-1]).__name__ == "Normalize"
    return (F.normalize(vectors, dim=-1) if is_unit else vectors).numpy()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", [Size(1, 4), Size(2, 8), Size(4, 5), Size(3, 12)], ids=str)
@torch.no_grad()
def test_a_cut_model_gives_what_its_definition_says(tiny_checkpoint, kind, size):
    model = model_of(tiny_checkpoint, kind)
    small = starbench.cut(model, size)
    found = small.encode(TEXTS, batch_size=8)
    assert found.shape == (len(TEXTS), size.dim)
    assert len(small[0].model.encoder.layer) == size.layers
    np.testing.assert_allclose(found, written_out(model, kind, size), atol=1e-6)


@pytest.mark.parametrize("modes", MODES, ids=str)
@torch.no_grad()
def test_every_pooling_is_kept(tiny_checkpoint, modes):
    model = model_of(tiny_checkpoint, "normalize", modes)
    found = starbench.cut(model, Size(2, 10)).encode(TEXTS, batch_size=8)
    np.testing.assert_allclose(
        found, written_out(model, "normalize", Size(2, 10), modes), atol=1e-6
    )


@pytest.mark.parametrize("kind", ["pooling", "norm"])
def test_the_cut_of_dimensions_has_the_bits_of_a_slice(tiny_checkpoint, kind):
    model = model_of(tiny_checkpoint, kind)
    whole = model.encode(TEXTS)
    assert np.array_equal(starbench.cut(model, Size(4, 6)).encode(TEXTS), whole[:, :6])


def test_vectors_of_length_1_have_it_after_the_cut(tiny_checkpoint):
    small = starbench.cut(model_of(tiny_checkpoint, "dense"), Size(2, 4))
    np.testing.assert_allclose(np.linalg.norm(small.encode(TEXTS), axis=1), 1, atol=1e-6)


def test_the_full_width_adds_no_module(tiny_checkpoint):
    model = model_of(tiny_checkpoint, "dense")
    assert len(starbench.cut(model, Size(2, 12))) == len(model)
    assert len(starbench.cut(model, Size(2, 11))) == len(model) + 1


def test_weights_are_shared_and_the_model_stays_as_it_is(tiny_checkpoint):
    model = model_of(tiny_checkpoint, "normalize")
    before, config = model.encode(TEXTS), model[0].model.config.to_dict()
    model.train()
    model[0].model.eval()
    modes = [module.training for module in model.modules()]
    for size in (Size(2, 8), Size(4, 16)):
        small = starbench.cut(model, size, [Size(2, 8), Size(4, 16)])
        small.max_seq_length = 3
        small.prompts["query"] = "find: "
        own = small[0].model.embeddings.word_embeddings.weight
        assert own is model[0].model.embeddings.word_embeddings.weight
        assert [module.training for module in model.modules()] == modes
    assert np.array_equal(model.encode(TEXTS), before)
    assert model[0].model.config.to_dict() == config
    assert model.max_seq_length == 32
    assert model.prompts.get("query") in (None, "")


def test_prompts_similarity_and_maximum_length_are_kept_when_it_is_saved(tiny_checkpoint, tmp_path):
    given = {"prompts": {"query": "the man "}, "default_prompt_name": "query"}
    model = model_of(tiny_checkpoint, "dense", similarity_fn_name="dot", **given)
    model.max_seq_length = 6
    small = starbench.cut(model, Size(2, 4))
    starbench.save(small, tmp_path / "small")
    loaded = SentenceTransformer(str(tmp_path / "small"), device="cpu")
    assert loaded.similarity_fn_name == "dot"
    assert loaded.max_seq_length == 6
    assert loaded.prompts["query"] == "the man "
    assert loaded.default_prompt_name == "query"
    for prompt in ("query", None):
        expected = small.encode(TEXTS, prompt_name=prompt)
        np.testing.assert_allclose(loaded.encode(TEXTS, prompt_name=prompt), expected, atol=1e-6)
    plain = small.encode(TEXTS, prompt="")
    assert np.abs(plain - small.encode(TEXTS)).max() > 1e-3


def test_the_config_lists_what_was_trained_up_to_the_size(tiny_checkpoint):
    trained = [Size(1, 4), Size(2, 8), Size(4, 16)]
    model = model_of(tiny_checkpoint)
    config = starbench.cut(model, Size(2, 8), trained)[0].model.config
    assert config.is_matryoshka is True
    assert config.matryoshka_dimensions == [4, 8]
    assert config.matryoshka_sizes == [[1, 4], [2, 8]]
    assert config.num_hidden_layers == 2
    unknown = starbench.cut(model, Size(2, 8))[0].model.config
    for key in ("is_matryoshka", "matryoshka_dimensions", "matryoshka_sizes"):
        assert not hasattr(unknown, key)


def test_a_cut_model_can_be_cut_again_and_knows_its_sizes(tiny_checkpoint, caplog):
    trained = [Size(1, 4), Size(2, 8), Size(4, 16)]
    middle = starbench.cut(model_of(tiny_checkpoint, "normalize"), Size(2, 8), trained)
    small = starbench.cut(middle, Size(1, 4))
    assert not told(caplog)
    direct = starbench.cut(model_of(tiny_checkpoint, "normalize"), Size(1, 4), trained)
    np.testing.assert_allclose(small.encode(TEXTS), direct.encode(TEXTS), atol=1e-6)
    assert small[0].model.config.matryoshka_sizes == [[1, 4]]


def test_a_size_that_was_not_trained_is_cut_with_a_warning(tiny_checkpoint, caplog):
    trained = [Size(1, 4), Size(4, 16)]
    with caplog.at_level(logging.WARNING):
        small = starbench.cut(model_of(tiny_checkpoint), Size(2, 8), trained)
    assert told(caplog) == ["size n2-d8 was not trained; trained are n1-d4, n4-d16"]
    assert small[0].model.config.matryoshka_dimensions == [4]


@pytest.mark.parametrize("size", [Size(5, 4), Size(2, 17)], ids=str)
def test_a_size_beyond_the_model_is_refused(tiny_checkpoint, size):
    with pytest.raises(InputError, match=rf"size {size}: the model has 4 layers and 16 dim"):
        starbench.cut(model_of(tiny_checkpoint), size)


def test_a_model_that_encode_cuts_is_not_wider_than_that(tiny_checkpoint):
    model = model_of(tiny_checkpoint, truncate_dim=8)
    with pytest.raises(InputError, match="4 layers and 8 dimensions"):
        starbench.cut(model, Size(2, 9))
    small = starbench.cut(model, Size(4, 8))
    assert small.truncate_dim is None
    assert np.array_equal(small.encode(TEXTS), model.encode(TEXTS))


def test_a_model_without_a_transformer_is_refused():
    from sentence_transformers.sentence_transformer.modules import BoW

    model = SentenceTransformer(modules=[BoW(["a", "cat"])], device="cpu")
    with pytest.raises(InputError, match="begins with a BoW"):
        starbench.cut(model, Size(1, 1))


def test_a_damaged_list_of_sizes_is_one_line(tiny_checkpoint):
    model = model_of(tiny_checkpoint)
    model[0].model.config.matryoshka_sizes = [[1], "x"]
    with pytest.raises(InputError, match="matryoshka_sizes is a list of"):
        starbench.cut(model, Size(1, 4))
