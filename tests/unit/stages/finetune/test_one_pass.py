"""One pass gives what cutting the model to each layer and embedding anew gives."""

import copy

import numpy as np
import pytest
import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import (
    Dense,
    Normalize,
    Pooling,
    WeightedLayerPooling,
)
from transformers import AutoModel

from starbench.encoders.cutting import cut_to_depth
from starbench.errors import InputError
from starbench.stages.embed.layered_encoder import LayeredEncoder
from starbench.stages.finetune.one_pass import _groups, embed_columns
from tests.conftest import triplet_texts
from tests.families import measuring


def cut_by_hand(model, layers):
    """The recipe of sentence-transformers' documentation: shorten the list, encode again."""
    cut = copy.deepcopy(model)
    cut[0].auto_model.encoder.layer = cut[0].auto_model.encoder.layer[:layers]
    return cut


def test_embed_columns_equals_encoding_with_a_model_cut_by_hand(tiny_model, triplet_columns):
    embedded = embed_columns(tiny_model.eval(), triplet_columns, [1, 3, 4])
    for layer in (1, 3, 4):
        for column, texts in zip(embedded[layer], triplet_texts(), strict=True):
            expected = cut_by_hand(tiny_model, layer).encode(texts)
            np.testing.assert_allclose(column.detach().numpy(), expected, atol=1e-5)


def test_grouping_by_length_changes_nothing_and_pads_little(tiny_model, monkeypatch):
    texts = ["a dog . " * (1 + n % 7) for n in range(90)]
    features = {
        k: v
        for k, v in tiny_model.preprocess(texts).items()
        if k in ("input_ids", "attention_mask")
    }
    expected = cut_by_hand(tiny_model, 2).encode(texts)
    passes = []
    forward = tiny_model[0].auto_model.forward

    def counted(*args, **kwargs):
        passes.append(kwargs["attention_mask"])
        return forward(*args, **kwargs)

    monkeypatch.setattr(tiny_model[0].auto_model, "forward", counted)
    (embedded,) = embed_columns(tiny_model.eval(), [features], [2])[2]
    np.testing.assert_allclose(embedded.detach().numpy(), expected, atol=1e-5)
    padded = sum(mask.numel() for mask in passes)
    real = features["attention_mask"].sum()
    assert len(passes) > 1
    assert padded < 1.3 * real < features["attention_mask"].numel()


def test_groups_hold_every_row_once_and_are_never_tiny():
    lengths = torch.tensor([3, 30, 9, 9, 12, 25, 4, 5] * 12)
    order = torch.argsort(lengths, descending=True, stable=True)
    groups = _groups(order, lengths)
    assert torch.equal(torch.cat([group.rows for group in groups]), order)
    assert min(len(group.rows) for group in groups) >= 16


def test_modules_after_the_pooling_are_applied_to_every_layer(tiny_model, triplet_columns):
    torch.manual_seed(1)
    dense = Dense(16, 20)
    model = SentenceTransformer(modules=[*tiny_model.children(), dense, Normalize()], device="cpu")
    embedded = embed_columns(model.eval(), triplet_columns, [2, 4])
    pooled = embed_columns(tiny_model.eval(), triplet_columns, [2, 4])
    for layer in (2, 4):
        expected = dense({"sentence_embedding": pooled[layer][0]})["sentence_embedding"]
        # Not normalised: a size is cut first.
        torch.testing.assert_close(embedded[layer][0], expected)


def test_a_cut_model_saved_and_loaded_again_is_the_same(tiny_model, tmp_path):
    transformer = tiny_model[0].auto_model
    cut = cut_to_depth(transformer, 2)
    assert len(transformer.encoder.layer) == 4
    assert cut.encoder.layer[0] is transformer.encoder.layer[0]
    cut.save_pretrained(tmp_path)
    loaded = AutoModel.from_pretrained(tmp_path)
    ids = torch.tensor([[2, 5, 6, 7, 3]])
    whole = transformer(ids, output_hidden_states=True).hidden_states[2]
    torch.testing.assert_close(loaded.eval()(ids).last_hidden_state, whole, atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("layers", [0, 5])
def test_a_model_cannot_be_cut_to_layers_that_it_does_not_have(tiny_model, layers):
    with pytest.raises(InputError, match="cannot cut a model of 4 layers"):
        cut_to_depth(tiny_model[0].auto_model, layers)


@pytest.mark.parametrize("family", ["bert", "modernbert", "llama"])
def test_a_pass_leaves_the_config_as_it_was(family):
    model = measuring.sentence_transformer(family, "mean")
    before = model[0].auto_model.config.to_dict()
    embed_columns(model, [measuring.features(measuring.texts(), "left", 0)], [1, 4])
    assert model[0].auto_model.config.to_dict() == before


def test_gradient_caching_gives_the_same_embeddings_of_a_decoder():
    model = measuring.sentence_transformer("qwen3", "lasttoken")
    columns = [measuring.features(measuring.texts(), "left", 0)]
    whole, cached = (embed_columns(model, columns, [2], size)[2][0] for size in (None, 2))
    torch.testing.assert_close(cached, whole)
    assert all(
        torch.allclose(*pair, atol=1e-5)
        for pair in zip(*(gradients(model, value) for value in (whole, cached)), strict=True)
    )


def gradients(model, embedded):
    parameters = [p for p in model.parameters() if p.requires_grad]
    found = torch.autograd.grad(embedded.sum(), parameters, allow_unused=True)
    return [gradient for gradient in found if gradient is not None]


@pytest.mark.parametrize("pooling", ["mean", "cls", "lasttoken"])
def test_the_layered_encoder_equals_sentence_transformers(tiny_model, tmp_path, pooling):
    model = SentenceTransformer(
        modules=[tiny_model[0], Pooling(16, pooling_mode=pooling)], device="cpu"
    )
    model.save_pretrained(str(tmp_path), create_model_card=False)
    texts = triplet_texts()[1]
    encoder = LayeredEncoder.load(tmp_path, [1, 3], tokens_per_batch=30)
    ids = encoder.tokenize(texts)
    batches = encoder.batches([len(row) for row in ids])
    assert sorted(row for batch in batches for row in batch) == list(range(len(texts)))
    assert len(encoder.transformer.encoder.layer) == 3
    for layer in (1, 3):
        expected = cut_by_hand(model, layer).encode(texts)
        for batch in batches:
            embedded = encoder.embed_batch([ids[row] for row in batch])[layer]
            np.testing.assert_allclose(embedded, expected[batch], atol=1e-5)


def test_weights_cast_beforehand_give_what_autocast_gives(tiny_model, tmp_path):
    tiny_model.save_pretrained(str(tmp_path), create_model_card=False)
    encoder = LayeredEncoder.load(tmp_path, [2, 4], precision="bf16")
    ids = encoder.tokenize(triplet_texts()[1][:1])
    model = AutoModel.from_pretrained(tmp_path).eval()
    with torch.autocast("cpu", torch.bfloat16), torch.no_grad():
        hidden = model(torch.tensor(ids), output_hidden_states=True).hidden_states
    embedded = encoder.embed_batch(ids)
    for layer in (2, 4):
        np.testing.assert_allclose(embedded[layer], hidden[layer].float().mean(dim=1), rtol=1e-6)


def test_a_folder_with_a_module_that_reads_all_layers_is_refused(tiny_model, tmp_path):
    weighted = WeightedLayerPooling(16, num_hidden_layers=4)
    transformer, pooling = tiny_model.children()
    model = SentenceTransformer(modules=[transformer, weighted, pooling], device="cpu")
    model.save_pretrained(str(tmp_path), create_model_card=False)
    with pytest.raises(
        InputError, match="module WeightedLayerPooling cannot be applied to an inner"
    ):
        LayeredEncoder.load(tmp_path, [1])
