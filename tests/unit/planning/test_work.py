"""Planned operations, parameters and memory are those that PyTorch counts on the real models."""

import numpy as np
import pytest
import torch
from benchmarks.roofline import counted_flops
from transformers import BertConfig, BertForMaskedLM, BertModel

from starbench.config.training import Finetuning, Pretraining, total_steps
from starbench.encoders.shape import Encoder
from starbench.objectives import PRETRAINING_OBJECTIVES
from starbench.planning.datasets import DatasetSize
from starbench.planning.lengths import SPECIAL, Lengths
from starbench.planning.work import (
    ACTIVATIONS,
    PADDED_GROUPS,
    RECOMPUTED,
    finetuning_work,
    pretraining_work,
    search_work,
)
from starbench.sizes import Size
from starbench.stages.evaluate.search import QUERIES_PER_BLOCK
from starbench.stages.finetune.order import order_of
from starbench.stages.pretrain.run import pretraining_loss

LAYERS, WIDTH, WIDE, WORDS, LENGTH = 3, 64, 256, 500, 32
ENCODER = Encoder(LAYERS, WIDTH, WIDE, WORDS, LENGTH)
TEXTS = 8


def settings(**changes):
    return BertConfig(
        vocab_size=WORDS,
        hidden_size=WIDTH,
        num_hidden_layers=LAYERS,
        num_attention_heads=4,
        intermediate_size=WIDE,
        max_position_embeddings=LENGTH,
        **changes,
    )


def ids():
    return torch.randint(5, WORDS, (TEXTS, LENGTH), generator=torch.Generator().manual_seed(0))


def test_parameters_are_those_of_the_model():
    model = BertModel(settings(), add_pooling_layer=False)
    assert sum(p.numel() for p in model.parameters()) == ENCODER.parameters()


def test_a_pass_has_the_operations_that_pytorch_counts():
    model = BertModel(settings(attn_implementation="eager"), add_pooling_layer=False).eval()
    with torch.no_grad():
        found = counted_flops(lambda: model(input_ids=ids()))
    assert found == pytest.approx(ENCODER.forward(TEXTS * LENGTH, LENGTH), rel=1e-6)


@pytest.mark.parametrize("name", ["matryoshka-mlm", "smae", "matryoshka-retromae"])
def test_a_pretraining_step_has_the_operations_that_pytorch_counts(name):
    sizes = [Size(1, 16), Size(2, 32), Size(3, 64)]
    masked_lm = BertForMaskedLM(settings(attn_implementation="eager"))
    objective = PRETRAINING_OBJECTIVES[name]
    encoder_rate, decoder_rate = 0.25, 0.5
    labels = [torch.full((TEXTS, LENGTH), -100) for _ in range(2)]
    rates = encoder_rate, 1 - 1 / LENGTH if objective.decodes_all else decoder_rate
    for given, rate in zip(labels, rates, strict=True):
        given[:, 1 : 1 + int(rate * LENGTH)] = 7
    mask = torch.ones(TEXTS, LENGTH, dtype=torch.long)
    sees = [torch.ones(TEXTS, LENGTH, LENGTH, dtype=torch.bool)] * objective.decodes_all

    def step():
        model(ids(), labels[0], ids(), labels[1], *sees, mask)["loss"].backward()

    training = Pretraining(
        objective=name,
        datasets=["x"],
        batch_size=TEXTS,
        steps=1,
        learning_rate=1,
        max_length=LENGTH,
        encoder_mask_rate=encoder_rate,
        decoder_mask_rate=decoder_rate,
    )
    model = pretraining_loss(objective, masked_lm, sizes, training)
    lengths = Lengths([LENGTH])
    work = pretraining_work(ENCODER, training, lengths, 100, len(sizes), objective, 1)
    # The smaller sizes' transforms and the auto-encoder's first positions are not planned apart.
    assert work.operations == pytest.approx(counted_flops(step), rel=0.06)


def test_a_finetuning_step_has_the_operations_that_pytorch_counts():
    model = BertModel(settings(attn_implementation="eager"), add_pooling_layer=False)

    def step():
        model(input_ids=ids()).last_hidden_state.mean().backward()

    data = triplets(Lengths([LENGTH]))
    training = Finetuning(dataset="x", batch_size=1, steps=1, learning_rate=1)
    work = finetuning_work(ENCODER, LAYERS, training, data, 1)
    assert work.operations / 3 / PADDED_GROUPS == pytest.approx(
        counted_flops(step) / TEXTS, rel=1e-6
    )


def test_a_step_of_heads_alone_has_the_operations_of_a_forward_pass():
    model = BertModel(settings(attn_implementation="eager"), add_pooling_layer=False)
    model.requires_grad_(False)
    data = triplets(Lengths([LENGTH]))
    training = Finetuning(dataset="x", batch_size=1, steps=1, learning_rate=1)
    work = finetuning_work(ENCODER, LAYERS, training, data, 1, frozen=True)
    counted = counted_flops(lambda: model(input_ids=ids()))
    # A row has three texts.
    assert work.operations / PADDED_GROUPS == pytest.approx(3 * counted / TEXTS, rel=1e-6)


def test_what_is_beside_a_training_embeds_its_texts_once():
    data = triplets(Lengths([LENGTH]))
    training = Finetuning(dataset="x", batch_size=1, steps=1, learning_rate=1)
    alone = finetuning_work(ENCODER, LAYERS, training, data, 1)
    taught = finetuning_work(ENCODER, LAYERS, training, data, 1, [ENCODER])
    assert taught.operations / alone.operations == pytest.approx((3 + 1) / 3)
    assert taught.memory > alone.memory


def triplets(lengths, kind="triplets"):
    return DatasetSize(kind, 1000, 0, lengths, lengths, 3, "stated")


def test_fewer_layers_recomputation_and_negatives_change_the_operations_as_they_should():
    def operations(kind="triplets", layers=LAYERS, **changes):
        values = {"dataset": "x", "batch_size": 4, "steps": 1, "learning_rate": 1} | changes
        data = triplets(Lengths([LENGTH]), kind)
        return finetuning_work(ENCODER, layers, Finetuning(**values), data, 1).operations

    assert operations(layers=1) == pytest.approx(operations() / LAYERS)
    assert operations(gradient_checkpointing=True) == pytest.approx(operations() * 4 / 3)
    assert operations(mini_batch_size=2) == pytest.approx(operations() * 4 / 3)
    assert operations("training-queries", negatives=3) == pytest.approx(operations() * 5 / 3)
    assert operations(steps=10) == pytest.approx(operations() * 10)
    half = operations(max_length=LENGTH // 2)
    assert 0.4 * operations() < half < operations() / 2


@pytest.mark.parametrize("last_batch", ["partial", "filled"])
@pytest.mark.parametrize(("devices", "accumulation"), [(1, 1), (2, 1), (1, 2)])
@pytest.mark.parametrize("length", [{"epochs": 2}, {"steps": 3}, {"steps": 9}])
def test_as_many_examples_are_planned_as_a_training_reads(
    last_batch, devices, accumulation, length
):
    rows, batch = 1000, 300
    settings = Finetuning(
        dataset="x",
        batch_size=batch,
        learning_rate=1,
        last_batch=last_batch,
        accumulation=accumulation,
        **length,
    )
    steps = total_steps(settings, rows)
    order = order_of(rows, steps, settings, 1, devices * accumulation)
    work = finetuning_work(ENCODER, LAYERS, settings, triplets(Lengths([LENGTH])), devices)
    assert work.steps == steps
    assert work.tokens == pytest.approx(len(order.rows) * 3 * LENGTH)


def saved_bytes(layers, precision, recompute=False):
    """Bytes that a pass keeps for its backward pass, the weights and their casts left out."""
    model = BertModel(
        BertConfig(
            vocab_size=100,
            hidden_size=384,
            num_hidden_layers=layers,
            num_attention_heads=12,
            intermediate_size=1536,
            max_position_embeddings=130,
            attention_probs_dropout_prob=0.0,
        ),
        add_pooling_layer=False,
    ).train()
    if recompute:
        model.activation_checkpointing_enable()
    shapes = {tuple(p.shape) for p in model.parameters()}
    shapes |= {shape[::-1] for shape in shapes}
    seen = {}

    def keep(tensor):
        if tuple(tensor.shape) not in shapes:
            storage = tensor.untyped_storage()
            seen[storage.data_ptr()] = (storage.nbytes(), tensor)
        return tensor

    given = torch.randint(0, 100, (4, 128))
    mixed = torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16")
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor), mixed:
        model(input_ids=given, attention_mask=torch.ones_like(given), output_hidden_states=True)
    return sum(size for size, _ in seen.values()) / (4 * 128 * 384)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_layer_keeps_as_many_bytes_as_are_planned(precision):
    layer = (saved_bytes(3, precision) - saved_bytes(1, precision)) / 2
    assert layer == pytest.approx(ACTIVATIONS[precision], rel=0.1)


def test_a_recomputed_layer_keeps_its_input():
    layer = (saved_bytes(3, "bf16", True) - saved_bytes(1, "bf16", True)) / 2
    assert layer == pytest.approx(RECOMPUTED, rel=0.1)


def test_memory_falls_with_parts_devices_and_recomputation():
    def memory(devices=1, **changes):
        values = {"dataset": "x", "batch_size": 512, "steps": 1, "learning_rate": 1} | changes
        work = finetuning_work(
            ENCODER, LAYERS, Finetuning(**values), triplets(Lengths([LENGTH])), devices
        )
        return work.memory

    assert memory(accumulation=2) == memory(devices=2) < memory()
    assert memory(gradient_checkpointing=True) < memory()
    assert memory(mini_batch_size=8) < memory(mini_batch_size=16) < memory()
    assert memory(precision="bf16") < memory()


def test_search_does_each_dimension_once_and_reads_once_a_block_of_queries():
    work = search_work(QUERIES_PER_BLOCK + 1, 1000, {1: [4, 8], 2: [16]}, 2)
    assert work.operations == 2 * (QUERIES_PER_BLOCK + 1) * 1000 * (8 + 16)
    assert work.scores == (QUERIES_PER_BLOCK + 1) * 1000 * 3
    assert work.bytes_read == 2 * 1000 * (8 + 16) * 2


def test_lengths_answer_as_a_simulation_does():
    lengths = Lengths.of_words(100, 0.6)
    draw = np.random.default_rng(0).choice(lengths.tokens, (4000, 16))
    assert lengths.mean == pytest.approx(1.3 * 100 + SPECIAL)
    assert lengths.longest_of(16) == pytest.approx(draw.max(axis=1).mean(), rel=0.03)
    assert lengths.attended == pytest.approx((draw**2).sum() / draw.sum(), rel=0.03)
    assert lengths.cut(64).mean == pytest.approx(np.minimum(draw, 64).mean(), rel=0.03)
    assert lengths.cut(64).longest_of(1000) == 64
