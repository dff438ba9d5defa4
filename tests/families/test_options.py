"""Options of a run mean the same in every family: half precision, dropout, recomputing, cutting."""

import numpy as np
import pytest
import torch
from torch import nn

from starbench.encoders.families import FAMILIES
from starbench.run.models import model_named
from starbench.stages.embed.layered_encoder import LayeredEncoder
from starbench.stages.finetune.run import build_model
from starbench.stages.pretrain.model import PretrainingModel
from tests.families import measuring, models
from tests.unit.runs import tiny_config, tiny_value

WITH_HEAD = [name for name, family in FAMILIES.items() if family.head]


@pytest.mark.parametrize("family", models.CONFIGS)
def test_embeddings_in_bfloat16_are_close(family):
    ids = [row.tolist() for row in measuring.texts()]
    found = []
    for precision in ("fp32", "bf16"):
        encoder = models.encoder(family, initializer_range=0.1)
        tokenizer = models.tokenizer(family)
        made = LayeredEncoder(encoder, tokenizer, "mean", [1, 4], 24, precision)
        found.append(made.embed_batch(ids))
    for layer in (1, 4):
        exact, half = (embedded[layer] for embedded in found)
        cosines = (exact * half).sum(1) / np.linalg.norm(exact, axis=1)
        cosines /= np.linalg.norm(half, axis=1)
        assert cosines.min() > 0.995
        assert not np.array_equal(exact, half)


@pytest.mark.parametrize("family", WITH_HEAD)
def test_pre_training_in_bfloat16_is_close(family):
    masked_lm = models.masked_lm(family, initializer_range=0.1)
    model = PretrainingModel(masked_lm, measuring.SIZES, autoencoder=True)
    batch = measuring.pretraining_batch(masked_lm.config.pad_token_id or 0, 4)
    exact = model(**batch)["loss"]
    with torch.autocast("cpu", torch.bfloat16):
        loss = model(**batch)["loss"]
    assert loss.dtype == torch.float32
    assert loss.item() == pytest.approx(exact.item(), rel=0.02)
    loss.backward()
    assert all(p.grad.isfinite().all() for p in model.parameters() if p.grad is not None)


@pytest.mark.parametrize("family", models.CONFIGS)
def test_dropout_of_the_config_reaches_the_modules(tmp_path, family):
    models.write_checkpoint(tmp_path, family)
    value = tiny_value()
    value["tracks"]["sts"]["finetuning"] |= {"dropout": 0.25, "max_length": 24}
    model = model_named(tiny_config(**value), "sts", "tiny-srl")
    encoder = build_model(tmp_path, model)[0].auto_model
    rates = {m.p for m in encoder.modules() if isinstance(m, nn.Dropout)}
    rates |= {m.attention_dropout for m in encoder.modules() if hasattr(m, "attention_dropout")}
    assert rates == {0.25}


@pytest.mark.parametrize("family", WITH_HEAD)
def test_recomputed_activations_leave_the_pre_training_loss_alone(family):
    if family == "mpnet":
        pytest.skip("refused: transformers cannot")
    masked_lm = models.masked_lm(family)
    model = PretrainingModel(masked_lm, measuring.SIZES, autoencoder=True).train()
    batch = measuring.pretraining_batch(masked_lm.config.pad_token_id or 0, 4)
    losses = [model(**batch)["loss"].item()]
    model.activation_checkpointing_enable()
    loss = model(**batch)["loss"]
    loss.backward()
    assert [loss.item()] == pytest.approx(losses)
