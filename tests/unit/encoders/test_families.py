"""Families are known by their model_type; other models are refused by name."""

import re

import pytest

from starbench.encoders.families import (
    FAMILIES,
    check_recomputing,
    depth_of,
    drop_pooler,
    encoder_of,
    family_named,
    head_of,
    layers_path,
    part,
    shape_in,
    width_of,
)
from starbench.errors import InputError
from tests.families import models

KNOWN = (
    "bert, roberta, xlm-roberta, distilbert, mpnet, electra, deberta-v2, modernbert, qwen2, "
    "qwen3, llama"
)


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("albert", r" \(its layers share one set of weights, so a cut model would be no smaller\)"),
        ("t5", r" \(its encoder is half of a model, .* at random\)"),
        ("gpt2", ""),
        (None, ""),
        (["bert"], ""),
    ],
)
def test_an_unknown_type_is_refused_by_name_with_what_is_known(kind, reason):
    told = "a model without a model_type" if kind is None else f"a model of type '{kind}'"
    message = f"^model x: {re.escape(told)} cannot be used{reason}: known are {KNOWN}$"
    with pytest.raises(InputError, match=message):
        family_named(kind, "model x")


@pytest.mark.parametrize("family", models.CONFIGS)
def test_parts_are_where_the_family_says(family):
    model = models.encoder(family)
    assert (depth_of(model), width_of(model)) == (models.DEPTH, models.WIDTH)
    assert len(part(model, ".".join(layers_path(model)))) == models.DEPTH
    for key in (*FAMILIES[family].dropout, *FAMILIES[family].by_layer):
        if key != "layer_types" or family != "llama":
            assert hasattr(model.config, key)
    drop_pooler(model)
    assert not [name for name, _ in model.named_parameters() if name.startswith("pooler")]


@pytest.mark.parametrize("family", [name for name, family in FAMILIES.items() if family.head])
def test_a_masked_language_model_has_its_encoder_and_its_head(family):
    model = models.masked_lm(family)
    assert type(encoder_of(model)) is type(models.encoder(family))
    assert len(part(model, ".".join(layers_path(model)))) == models.DEPTH
    head = head_of(model)
    assert part(model, head.projection).weight is model.get_input_embeddings().weight
    assert part(model, head.dense).weight.shape == (models.WIDTH, models.WIDTH)


def test_depth_and_width_have_the_family_s_own_keys():
    assert shape_in({"model_type": "distilbert", "n_layers": 3, "dim": 8}, "x") == (3, 8)
    assert shape_in({"model_type": "bert", "num_hidden_layers": 2, "hidden_size": 4}, "x") == (2, 4)
    with pytest.raises(InputError, match=r"^x: config\.json tells no n_layers and dim$"):
        shape_in({"model_type": "distilbert", "num_hidden_layers": 3, "hidden_size": 8}, "x")


def test_activations_are_not_recomputed_where_transformers_cannot():
    check_recomputing(models.encoder("mpnet"), asked=False)
    check_recomputing(models.encoder("distilbert"), asked=True)
    with pytest.raises(InputError, match=r"gradient_checkpointing: .* of type 'mpnet'"):
        check_recomputing(models.encoder("mpnet"), asked=True)
