"""A model of every listed family is one ONNX graph that gives torch's vectors."""

import numpy as np
import pytest
import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Pooling, Transformer
from transformers import AutoConfig, AutoModel, AutoTokenizer

import starbench
from starbench import Size
from starbench.encoders.onnx_model import FAMILIES, why_no_onnx, write_int8, write_onnx
from starbench.stages.export.vectors import cosines, onnx_embed, torch_embed
from tests.unit.encoders.small_models import TEXTS, WIDTH, model_of

SHORT = ["a cat .", "a dog"]
LONG = [*TEXTS, " ".join(["the old woman paints a blue boat"] * 4)]
SHAPE = {
    "vocab_size": 42,
    "hidden_size": WIDTH,
    "num_hidden_layers": 3,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "max_position_embeddings": 40,
    "pad_token_id": 0,
}
OTHER = {
    "distilbert": {"dim": WIDTH, "n_layers": 3, "n_heads": 2, "hidden_dim": 32},
    "electra": {"embedding_size": 8},
    "deberta-v2": {"relative_attention": True, "pos_att_type": ["p2c", "c2p"]},
}
"""What families call otherwise, or have besides."""


def family(kind: str, checkpoint, folder) -> SentenceTransformer:
    """A random model of a family with the tiny tokenizer."""
    torch.manual_seed(1)
    given = SHAPE | OTHER.get(kind, {})
    if kind == "distilbert":
        given = {key: given[key] for key in ("vocab_size", "max_position_embeddings", *OTHER[kind])}
    AutoModel.from_config(AutoConfig.for_model(kind, **given)).save_pretrained(folder)
    AutoTokenizer.from_pretrained(checkpoint).save_pretrained(folder)
    modules = [Transformer(str(folder), max_seq_length=30), Pooling(WIDTH)]
    return SentenceTransformer(modules=modules, device="cpu").eval()


# Each takes ten seconds.
ALL = [kind if kind == "bert" else pytest.param(kind, marks=pytest.mark.slow) for kind in FAMILIES]


@pytest.mark.parametrize("kind", ALL)
def test_the_graph_of_a_family_gives_torchs_vectors_for_texts_of_any_length(
    tiny_checkpoint, tmp_path, kind
):
    model = starbench.cut(family(kind, tiny_checkpoint, tmp_path / "model"), Size(3, 6))
    assert why_no_onnx(model) is None
    write_onnx(model, tmp_path / "model.onnx")
    assert [path.name for path in tmp_path.glob("*.onnx*")] == ["model.onnx"]
    inner = torch_embed(model), onnx_embed(tmp_path / "model.onnx", model)
    for texts in (LONG, SHORT, ["a"], LONG * 20):
        expected, found = (embed(texts) for embed in inner)
        assert found.shape == (len(texts), 6)
        np.testing.assert_allclose(found, expected, atol=2e-6)


@pytest.mark.parametrize(
    ("kind", "modes"),
    [
        ("normalize", "cls"),
        pytest.param("norm", "max", marks=pytest.mark.slow),
        pytest.param("dense", ("mean", "lasttoken"), marks=pytest.mark.slow),
    ],
)
def test_modules_behind_the_pooling_are_in_the_graph(tiny_checkpoint, tmp_path, kind, modes):
    model = starbench.cut(model_of(tiny_checkpoint, kind, modes), Size(2, 5))
    write_onnx(model, tmp_path / "onnx" / "model.onnx")
    written = (tmp_path / "onnx" / "model.onnx").read_bytes()
    assert b".py" not in written, "paths of this machine"
    found = onnx_embed(tmp_path / "onnx" / "model.onnx", model)(LONG)
    np.testing.assert_allclose(found, model.encode(LONG), atol=2e-6)


def test_8_bits_are_smaller_and_near(tiny_checkpoint, tmp_path):
    model = starbench.cut(model_of(tiny_checkpoint), Size(2, 8))
    write_onnx(model, tmp_path / "model.onnx")
    write_int8(tmp_path / "model.onnx", tmp_path / "int8.onnx")
    found = cosines(onnx_embed(tmp_path / "int8.onnx", model)(LONG), model.encode(LONG))
    assert 0.9 < found.min() < 1


def test_why_there_is_no_onnx_is_told(tiny_checkpoint):
    model = model_of(tiny_checkpoint, prompts={"query": "a "})
    assert why_no_onnx(model) is None
    model[1].include_prompt = False
    assert why_no_onnx(model) == (
        "its pooling leaves the prompt out, whose length a graph does not know"
    )
    model[0].model.config.model_type = "qwen3"
    assert why_no_onnx(model) == "encoders of type qwen3 have no tested export"
