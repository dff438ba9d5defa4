"""A cut model shares the weights, and its config alone describes it."""

import pytest
import torch

from starbench.encoders.cutting import cut_to_depth
from starbench.encoders.families import FAMILIES, depth_of, layers_path, part
from starbench.errors import InputError
from tests.families import models


@pytest.mark.parametrize("family", models.CONFIGS)
def test_weights_are_shared_and_the_whole_model_stays(family):
    model = models.encoder(family)
    before = model.config.to_dict()
    cut = cut_to_depth(model, 2)
    path = ".".join(layers_path(model))
    assert [len(part(one, path)) for one in (model, cut)] == [4, 2]
    own = {id(parameter) for parameter in model.parameters()}
    assert {id(parameter) for parameter in cut.parameters()} < own
    assert model.config.to_dict() == before
    assert (depth_of(model), depth_of(cut)) == (4, 2)


@pytest.mark.parametrize("family", ["modernbert", "qwen2", "qwen3"])
def test_kinds_of_layers_are_those_of_the_first_ones(family):
    model = models.encoder(family)
    kinds = model.config.layer_types
    assert len(kinds) == 4
    assert cut_to_depth(model, 3).config.layer_types == kinds[:3]


def test_local_attention_is_local_in_a_cut_modernbert():
    """A token changes what is near alone: the second layer attends to three tokens each way."""
    layer = cut_to_depth(models.encoder("modernbert"), 2).layers[1]
    assert layer.attention_type == "sliding_attention"


@pytest.mark.parametrize("family", [name for name, family in FAMILIES.items() if family.head])
def test_a_masked_language_model_is_cut_below_its_head(family):
    model = models.masked_lm(family)
    cut = cut_to_depth(model, 1)
    ids = torch.tensor([[5, 6, 7, 8]])
    assert cut(ids).logits.shape[-1] == model.config.vocab_size
    assert len(part(cut, ".".join(layers_path(cut)))) == 1


@pytest.mark.parametrize("family", models.REFUSED)
def test_another_type_is_refused_at_its_full_depth_too(family):
    model = models.encoder(family)
    for layers in (2, models.DEPTH):
        with pytest.raises(InputError, match=f"Model: a model of type '{family}' cannot be used"):
            cut_to_depth(model, layers)
