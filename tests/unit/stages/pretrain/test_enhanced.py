"""RetroMAE's losses against their formulas written out, one text and one position after another."""

import copy

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from starbench.config.training import Pretraining
from starbench.draws import generator
from starbench.encoders.families import embeddings_of, encoder_of
from starbench.errors import InputError
from starbench.objectives import PRETRAINING_OBJECTIVES
from starbench.objectives.pretraining import PretrainingObjective
from starbench.sizes import Size
from starbench.stages.pretrain.enhanced import EnhancedModel
from starbench.stages.pretrain.enhanced_masking import enhanced_example
from starbench.stages.pretrain.examples import Padding
from starbench.stages.pretrain.masking import UNLABELLED, Vocabulary
from starbench.stages.pretrain.run import pretraining_loss
from tests.families import models
from tests.families.measuring import TRANSFORMS

SIZES = [Size(1, 4), Size(2, 8), Size(4, 16)]
FULL = [Size(4, 16)]
FAMILIES = ("bert", "roberta", "distilbert")
LENGTHS = (9, 5, 12, 7)
SETTINGS = Pretraining(
    objective="retromae", datasets=["x"], batch_size=4, steps=1, learning_rate=0.1,
    encoder_mask_rate=0.3, decoder_mask_rate=0.5, max_length=16,
)  # fmt: skip
VOCABULARY = Vocabulary(mask=4, ordinary=np.arange(5, 40), size=40, unknown=None)


def texts():
    draw = np.random.default_rng(3)
    for length in LENGTHS:
        ids = np.concatenate([[2], draw.integers(5, 40, length), [3]])
        words = np.concatenate([[-1], np.arange(length) // 2, [-1]])
        yield ids, words


def batch_of(padding):
    examples = [
        enhanced_example(ids, words, SETTINGS, VOCABULARY, generator("test", number))
        for number, (ids, words) in enumerate(texts())
    ]
    return Padding(padding)(examples)


def plain_layer(family, layer, query, read):
    """One query's output of a decoder layer that attends to some vectors."""
    if family == "distilbert":
        own = layer.attention
        projections, heads = (own.q_lin, own.k_lin, own.v_lin), own.n_heads
        norms = layer.sa_layer_norm, layer.output_layer_norm
        out, feed = own.out_lin, lambda x: layer.ffn.lin2(F.gelu(layer.ffn.lin1(x)))
    else:
        own = layer.attention.self
        projections, heads = (own.query, own.key, own.value), own.num_attention_heads
        norms = layer.attention.output.LayerNorm, layer.output.LayerNorm
        out = layer.attention.output.dense
        feed = lambda x: layer.output.dense(F.gelu(layer.intermediate.dense(x)))  # noqa: E731
    projected, key, value = (
        projection(states).reshape(-1, heads, models.WIDTH // heads)
        for projection, states in zip(projections, (query[None], read, read), strict=True)
    )
    context = [
        torch.softmax(key[:, h] @ projected[0, h] / (models.WIDTH // heads) ** 0.5, 0) @ value[:, h]
        for h in range(heads)
    ]
    states = norms[0](out(torch.cat(context)) + query)
    return norms[1](feed(states) + states)


def plain_query(masked_lm, embeddings, first, position, kind, offset):
    if kind == "positions":
        return embeddings.position_embeddings.weight[position + offset] + first
    length = position + 1
    return embeddings(input_ids=None, inputs_embeds=first.expand(1, length, -1))[0, position]


def plain_loss(masked_lm, decoder, sizes, batch, cuts, kind, weight):
    """The mean over the sizes of MLM + decoding + w words, with nothing shared."""
    family = masked_lm.config.model_type
    encoder, transform = encoder_of(masked_lm), TRANSFORMS[family]
    embeddings, project = embeddings_of(encoder), masked_lm.get_output_embeddings()
    offset = 2 if family == "roberta" else 0
    hidden = encoder(
        batch["encoder_ids"], attention_mask=batch["attention_mask"], output_hidden_states=True
    ).hidden_states
    inputs = embeddings(input_ids=batch["decoder_ids"])
    losses = []
    for size in sizes:
        states = hidden[size.layers] * (torch.arange(models.WIDTH) < size.dim)
        states = transform(masked_lm, states)
        scores = project(states)
        loss = F.cross_entropy(scores.flatten(0, 1), batch["encoder_labels"].flatten())
        predicted, right, bags = [], [], []
        for row, length in enumerate(batch["attention_mask"].sum(1).tolist()):
            first = states[row, 0] if cuts else hidden[-1][row, 0]
            for place in range(1, length - 1):
                sees = batch["decoder_sees"][row, place]
                read = [first] + [inputs[row, t] for t in range(1, length) if sees[t]]
                query = plain_query(masked_lm, embeddings, first, place, kind, offset)
                out = plain_layer(family, decoder, query, torch.stack(read))
                predicted.append(project(transform(masked_lm, out)))
                right.append(batch["decoder_ids"][row, place])
            words = batch["decoder_ids"][row, 1 : length - 1]
            target = torch.zeros(scores.shape[-1])
            target[words] = 1 / len(words)
            bags.append(-(target * scores[row, 1:length].amax(0).log_softmax(0)).sum())
        loss = loss + F.cross_entropy(torch.stack(predicted), torch.stack(right))
        losses.append(loss + weight * torch.stack(bags).mean())
    return torch.stack(losses).mean()


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize(
    ("sizes", "cuts", "queries", "weight"),
    [
        pytest.param(FULL, False, "positions", 0.0, id="retromae"),
        pytest.param(SIZES, True, "positions", 0.0, id="matryoshka-retromae"),
        pytest.param(FULL, False, "embeddings", 0.3, id="dupmae"),
        pytest.param(SIZES, True, "embeddings", 0.3, id="matryoshka-dupmae"),
    ],
)
def test_loss_and_gradients_are_those_of_the_formula(
    family, sizes, cuts, queries, weight, monkeypatch
):
    monkeypatch.setattr("starbench.stages.pretrain.enhanced.SCORES_AT_ONCE", 40 * 15 * 2)
    masked_lm = models.masked_lm(family)
    torch.manual_seed(5)
    model = EnhancedModel(masked_lm, sizes, cuts, queries, weight).eval()
    batch = batch_of(masked_lm.config.pad_token_id or 0)
    plain = plain_loss(masked_lm, model.decoder, sizes, batch, cuts, queries, weight)
    plain.backward()
    expected = gradients(model)
    found = model(**batch)
    assert found["loss"].item() == pytest.approx(plain.item(), abs=1e-6 * plain.item())
    found["loss"].backward()
    scale = max(float(gradient.abs().max()) for gradient in expected.values())
    ours = gradients(model)
    assert ours.keys() == expected.keys()
    for name, gradient in expected.items():
        assert float((ours[name] - gradient).abs().max()) < 2e-6 * scale, name
    names = {"mlm", "decoding"} | ({"words"} if weight else set())
    assert {name: len(found[name]) for name in found.keys() - {"loss"}} == dict.fromkeys(
        names, len(sizes)
    )


def gradients(model):
    found = {n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None}
    model.zero_grad()
    return found


def test_the_decoder_starts_at_random_and_not_as_the_first_layer():
    masked_lm = models.masked_lm("bert")
    model = EnhancedModel(masked_lm, FULL, cuts=False)
    first = masked_lm.bert.encoder.layer[0].state_dict()
    own = model.decoder.state_dict()
    assert own.keys() == first.keys()
    assert not torch.equal(own["output.dense.weight"], first["output.dense.weight"])
    assert (own["output.dense.bias"] == 0).all()
    copied = copy.deepcopy(masked_lm)
    assert all(
        torch.equal(ours, theirs)
        for ours, theirs in zip(copied.parameters(), model.masked_lm.parameters(), strict=True)
    )


@pytest.mark.parametrize("family", ["mpnet", "modernbert"])
def test_a_family_without_position_vectors_of_its_own_is_refused(family):
    with pytest.raises(InputError, match=f"'{family}' has no position vectors .*: use smae"):
        EnhancedModel(models.masked_lm(family), FULL, cuts=False)


def test_a_position_sees_what_a_mask_of_words_leaves_but_not_itself():
    ids = np.concatenate([[2], np.arange(5, 37), [3]])
    words = np.concatenate([[-1], np.arange(32) // 2, [-1]])
    made = enhanced_example(ids, words, SETTINGS, VOCABULARY, generator("test", 1))
    sees = made["decoder_sees"]
    assert sees[:, 0].all()
    assert not sees.diagonal()[1:].any()
    np.testing.assert_array_equal(made["decoder_ids"], ids)
    np.testing.assert_array_equal(made["decoder_labels"], [UNLABELLED, *ids[1:-1], UNLABELLED])
    hidden = ~sees
    for row in range(1, len(ids) - 1):
        for word in range(16):
            pieces = [t for t in np.flatnonzero(words == word) if t != row]
            assert len({bool(hidden[row, t]) for t in pieces}) == 1, "words are hidden as a whole"
        others = [t for t in range(1, len(ids) - 1) if t != row]
        assert hidden[row, others].sum() in (15, 16)
    assert len({tuple(row) for row in hidden[:, 1:-1]}) > 20, "rows have masks of their own"


def test_the_same_draw_gives_the_same_example():
    ids, words = next(texts())
    one, other = (
        enhanced_example(ids, words, SETTINGS, VOCABULARY, generator("test", 7)) for _ in range(2)
    )
    for name, array in one.items():
        np.testing.assert_array_equal(array, other[name])


@pytest.mark.parametrize("name", sorted(PRETRAINING_OBJECTIVES))
def test_every_objective_makes_its_loss(name):
    objective = PRETRAINING_OBJECTIVES[name]
    settings = SETTINGS.model_copy(update={"objective": name})
    model = pretraining_loss(objective, models.masked_lm("bert"), SIZES, settings)
    assert (model.decoder is not None) == objective.autoencoder
    assert model.sizes == SIZES


def test_an_objective_whose_loss_is_not_there_is_one_line():
    objective = PretrainingObjective("mine", "", True, True, loss="starbench.nowhere:loss")
    message = "pre-training objective 'mine': starbench.nowhere:loss cannot be imported"
    with pytest.raises(InputError, match=message):
        pretraining_loss(objective, models.masked_lm("bert"), SIZES, SETTINGS)
