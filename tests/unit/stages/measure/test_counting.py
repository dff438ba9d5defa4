"""Bytes by hand, and multiply-adds as PyTorch counts them."""

import numpy as np
import pytest
import torch
from benchmarks.roofline import counted_flops
from transformers import BertConfig, BertModel

from starbench.config.bits import vector_bytes
from starbench.encoders.cutting import cut_to_depth
from starbench.encoders.shape import encoder_by
from starbench.stages.measure.counting import index_bytes, multiply_adds

SHAPE = {
    "vocab_size": 50,
    "hidden_size": 24,
    "num_hidden_layers": 4,
    "num_attention_heads": 3,
    "intermediate_size": 40,
    "max_position_embeddings": 32,
}


@pytest.mark.parametrize(
    ("dim", "bits", "expected"),
    [(384, 32, 1536), (384, 16, 768), (384, 8, 384), (384, 1, 48), (10, 1, 2), (4, 8, 4)],
)
def test_a_vector_takes_whole_bytes_and_an_index_as_many_vectors(dim, bits, expected):
    assert vector_bytes(dim, bits) == expected
    assert index_bytes(dim, bits) == expected * 1_000_000
    assert index_bytes(dim, bits, passages=8_841_823) == expected * 8_841_823


@pytest.mark.parametrize("layers", [1, 3, 4])
def test_multiply_adds_are_half_the_operations_that_pytorch_counts(layers):
    config = BertConfig(**SHAPE, attn_implementation="eager")
    model = cut_to_depth(BertModel(config, add_pooling_layer=False).eval(), layers)
    lengths = np.array([5.0, 17.0, 32.0])

    def encode():
        with torch.no_grad():
            for length in lengths:
                model(input_ids=torch.ones(1, int(length), dtype=torch.long))

    found = multiply_adds(encoder_by(config.to_dict()), lengths, layers)
    assert found == pytest.approx(counted_flops(encode) / 2 / len(lengths), rel=1e-9)
