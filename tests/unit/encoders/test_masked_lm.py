"""A masked language model is loaded whole, and its head's transform is cut to the first columns."""

import pytest
import torch

from starbench.encoders.families import FAMILIES
from starbench.encoders.masked_lm import first_layer, load_masked_lm, projection, transformed
from starbench.errors import InputError
from tests.families import models
from tests.families.measuring import TRANSFORMS

WITH_HEAD = [name for name, family in FAMILIES.items() if family.head]


@pytest.mark.parametrize("family", WITH_HEAD)
def test_a_saved_model_is_loaded_with_its_head(tmp_path, family):
    made = models.masked_lm(family)
    made.save_pretrained(tmp_path)
    loaded = load_masked_lm(tmp_path)
    assert type(loaded) is type(made)
    for name, weight in made.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], weight)


@pytest.mark.parametrize("family", WITH_HEAD)
def test_a_missing_head_is_random_and_said_so(tmp_path, family, caplog):
    made = models.encoder(family)
    made.save_pretrained(tmp_path)
    with caplog.at_level("INFO", logger="starbench"):
        loaded = load_masked_lm(tmp_path)
    assert "no masked-language-model head" in caplog.text
    assert projection(loaded)[0] is loaded.get_input_embeddings().weight
    assert torch.equal(projection(loaded)[0], made.get_input_embeddings().weight)


@pytest.mark.parametrize("family", WITH_HEAD)
def test_the_transform_of_the_first_columns_is_that_of_states_that_are_zero_elsewhere(family):
    model = models.masked_lm(family)
    states = torch.randn(3, models.WIDTH)
    for dim in (4, models.WIDTH):
        cut = states * (torch.arange(models.WIDTH) < dim)
        expected = TRANSFORMS[family](model, cut)
        torch.testing.assert_close(transformed(model, states, dim), expected)
    weight, bias = projection(model)
    logits = model.get_output_embeddings()(states)
    torch.testing.assert_close(states @ weight.T + bias, logits)


def test_a_projection_without_bias_has_one_of_zeros():
    model = models.masked_lm("modernbert", decoder_bias=False)
    assert model.decoder.bias is None
    assert not projection(model)[1].any()


def test_the_first_layer_is_the_encoder_s():
    model = models.masked_lm("distilbert")
    assert first_layer(model) is model.distilbert.transformer.layer[0]


@pytest.mark.parametrize("family", ["electra", "deberta-v2", "llama"])
def test_a_family_without_a_head_is_refused_by_name(tmp_path, family):
    models.encoder(family).save_pretrained(tmp_path)
    with pytest.raises(InputError, match=f"pre-training takes models of .* this is a '{family}'"):
        load_masked_lm(tmp_path)
