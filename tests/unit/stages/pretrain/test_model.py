"""The pre-training loss against the plain computation with logits at every position."""

import copy

import pytest
import torch
import torch.nn.functional as F
from transformers import BertConfig, BertForMaskedLM
from transformers.masking_utils import create_bidirectional_mask

from starbench.encoders.families import FAMILIES
from starbench.errors import InputError
from starbench.sizes import Size
from starbench.stages.pretrain.autoencoder import attend
from starbench.stages.pretrain.masking import UNLABELLED
from starbench.stages.pretrain.model import PretrainingModel

SIZES = [Size(1, 2), Size(1, 4), Size(2, 4), Size(2, 8), Size(3, 8), Size(3, 16)]
ROWS, TOKENS = 5, 12


@pytest.fixture
def masked_lm():
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=50,
        hidden_size=16,
        num_hidden_layers=3,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=16,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        initializer_range=0.3,
    )
    return BertForMaskedLM(config)


@pytest.fixture
def batch():
    draw = torch.Generator().manual_seed(1)
    ids = torch.randint(5, 50, (ROWS, TOKENS), generator=draw)
    lengths = torch.tensor([12, 9, 12, 4, 7])
    mask = (torch.arange(TOKENS) < lengths.unsqueeze(1)).long()
    inside = (mask == 1) & (torch.arange(TOKENS) > 0)
    fate = torch.rand(ROWS, TOKENS, generator=draw)
    encoder, decoder = inside & (fate < 0.3), inside & (fate < 0.6)
    return {
        "encoder_ids": ids.masked_fill(encoder, 4),
        "encoder_labels": ids.masked_fill(~encoder, UNLABELLED),
        "decoder_ids": ids.masked_fill(decoder, 4),
        "decoder_labels": ids.masked_fill(~decoder, UNLABELLED),
        "attention_mask": mask,
    }


def plain_loss(masked_lm, decoder, sizes, batch):
    """Starbucks 3.2 word for word: one size after another, logits at every position."""
    head = masked_lm.cls.predictions
    hidden = masked_lm.bert(
        batch["encoder_ids"], attention_mask=batch["attention_mask"], output_hidden_states=True
    ).hidden_states

    def transform(states, dim):
        dense = head.transform.dense
        return head.transform.LayerNorm(
            F.gelu(states[..., :dim] @ dense.weight[:, :dim].T + dense.bias)
        )

    losses, terms = [], {"mlm": [], "mae": []}
    for size in sizes:
        states = transform(hidden[size.layers], size.dim)
        mlm = F.cross_entropy(head.decoder(states).flatten(0, 1), batch["encoder_labels"].flatten())
        terms["mlm"].append(mlm.item())
        if decoder is None:
            losses.append(mlm)
            continue
        inputs = masked_lm.bert.embeddings(batch["decoder_ids"])
        inputs = torch.cat([states[:, :1], inputs[:, 1:]], dim=1)
        mask = create_bidirectional_mask(
            config=masked_lm.config, inputs_embeds=inputs, attention_mask=batch["attention_mask"]
        )
        logits = masked_lm.cls(decoder(inputs, mask))
        mae = F.cross_entropy(logits.flatten(0, 1), batch["decoder_labels"].flatten())
        terms["mae"].append(mae.item())
        losses.append((mlm + mae) / 2)
    return torch.stack(losses).mean(), terms


def gradients(model, loss):
    model.zero_grad()
    loss.backward()
    return {n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None}


@pytest.mark.parametrize("autoencoder", [False, True])
def test_loss_and_gradients_equal_the_plain_computation(masked_lm, batch, autoencoder):
    model = PretrainingModel(masked_lm, SIZES, autoencoder)
    if autoencoder:  # else the decoder equals the first layer, and could stand in for it
        with torch.no_grad():
            for parameter in model.decoder.parameters():
                parameter.add_(0.1 * torch.randn_like(parameter))
    outputs = model(**batch)
    ours = outputs["loss"]
    plain, terms = plain_loss(masked_lm, model.decoder, SIZES, batch)
    assert outputs["mlm"].tolist() == pytest.approx(terms["mlm"], rel=1e-6)
    assert outputs.get("mae", torch.tensor([])).tolist() == pytest.approx(terms["mae"], rel=1e-6)
    assert ours.item() == pytest.approx(plain.item(), rel=1e-6)
    ours_gradients = gradients(model, ours)
    plain_gradients = gradients(model, plain)
    assert ours_gradients.keys() == plain_gradients.keys()
    for name, gradient in plain_gradients.items():
        torch.testing.assert_close(ours_gradients[name], gradient, rtol=1e-4, atol=1e-6)


def test_a_single_full_size_is_the_ordinary_masked_language_model(masked_lm, batch):
    model = PretrainingModel(masked_lm, [Size(3, 16)], autoencoder=False)
    reference = masked_lm(
        batch["encoder_ids"], attention_mask=batch["attention_mask"], labels=batch["encoder_labels"]
    ).loss
    assert model(**batch)["loss"].item() == pytest.approx(reference.item(), rel=1e-6)


def test_the_decoder_starts_as_a_copy_of_the_first_layer(masked_lm):
    model = PretrainingModel(masked_lm, SIZES, autoencoder=True)
    first = masked_lm.bert.encoder.layer[0]
    for ours, theirs in zip(model.decoder.parameters(), first.parameters(), strict=True):
        assert torch.equal(ours, theirs)
        assert ours is not theirs


def test_embeddings_and_head_are_shared_not_copied(masked_lm):
    model = PretrainingModel(masked_lm, SIZES, autoencoder=True)
    own = {id(p) for p in model.parameters()} - {id(p) for p in masked_lm.parameters()}
    assert own == {id(p) for p in model.decoder.parameters()}


def test_with_dropout_the_decoder_keeps_its_expected_attention(masked_lm, batch):
    """Dropping weights of the shared keys and of the first key leaves the mean as it is."""
    model = PretrainingModel(masked_lm, SIZES, autoencoder=True)
    block = FAMILIES["bert"].block
    inputs = masked_lm.bert.embeddings(batch["decoder_ids"]).detach()
    cls = torch.randn(len(SIZES), ROWS, 16)
    given = (model.decoder, block, inputs[:, 1:4], inputs, cls, batch["attention_mask"])
    with torch.no_grad():
        exact = attend(*given)
        model.decoder.attention.self.dropout.p = 0.3
        torch.manual_seed(3)
        drawn = [attend(*given) for _ in range(3000)]
    torch.testing.assert_close(torch.stack(drawn).mean(0), exact, atol=0.06, rtol=0.05)


def test_under_bfloat16_the_loss_is_close_and_in_float32(masked_lm, batch):
    model = PretrainingModel(masked_lm, SIZES, autoencoder=True)
    exact = model(**batch)["loss"]
    with torch.autocast("cpu", torch.bfloat16):
        loss = model(**batch)["loss"]
    assert loss.dtype == torch.float32
    assert loss.item() == pytest.approx(exact.item(), rel=0.02)
    loss.backward()


def test_a_weight_beyond_a_sizes_columns_gets_no_gradient_from_it(masked_lm, batch):
    model = PretrainingModel(copy.deepcopy(masked_lm), [Size(2, 8)], autoencoder=False)
    model(**batch)["loss"].backward()
    weight = model.masked_lm.cls.predictions.transform.dense.weight.grad
    assert weight[:, :8].abs().min() > 0
    assert not weight[:, 8:].any()


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ([Size(4, 16)], "has 3 layers, not 4"),
        ([Size(3, 17)], "has 16 dimensions, not 17"),
        ([Size(2, 8), Size(1, 16)], "sizes must increase"),
    ],
)
def test_sizes_beyond_the_backbone_are_refused(masked_lm, sizes, message):
    with pytest.raises(InputError, match=message):
        PretrainingModel(masked_lm, sizes, autoencoder=False)


def test_the_trainer_can_have_activations_recomputed(masked_lm):
    model = PretrainingModel(masked_lm, [Size(2, 8)], autoencoder=False)
    assert not masked_lm.is_gradient_checkpointing
    model.activation_checkpointing_enable()
    assert masked_lm.is_gradient_checkpointing
