"""No text is longer than an encoder has positions for."""

from dataclasses import replace

import pytest
import torch

from starbench.encoders.positions import positions_follow_padding, positions_of
from starbench.errors import InputError
from starbench.run.models import model_named
from starbench.stages.embed.layered_encoder import LayeredEncoder
from starbench.stages.finetune.model import build_model
from tests.unit.encoders.roberta import roberta
from tests.unit.runs import tiny_config


@pytest.mark.parametrize("padding", [0, 1, 3])
def test_positions_are_as_many_as_a_roberta_takes(tmp_path, tiny_checkpoint, padding):
    model = roberta(tmp_path, tiny_checkpoint, pad_token_id=padding).eval()
    assert positions_follow_padding(model)
    most = positions_of(model)
    model(input_ids=torch.full((1, most), 9))
    with pytest.raises((IndexError, RuntimeError), match="index"):
        model(input_ids=torch.full((1, most + 1), 9))


def test_a_model_takes_no_longer_texts_than_there_are_positions(tmp_path, tiny_checkpoint):
    roberta(tmp_path / "start", tiny_checkpoint, pad_token_id=3)
    config = tiny_config()
    model = model_named(config, "sts", "tiny-srl")

    def up_to(length):
        return replace(model, use=model.use.model_copy(update={"max_length": length}))

    built = build_model(tmp_path / "start", model)
    assert built.max_seq_length == 30
    text = "the man " * 40
    assert built.encode(text).shape == (16,)
    built.save(str(tmp_path / "model"))
    assert LayeredEncoder.load(tmp_path / "model", [2]).max_length == 30
    build_model(tmp_path / "start", up_to(30))
    with pytest.raises(InputError, match=r"max_length is 31, backbone .* has 30 positions"):
        build_model(tmp_path / "start", up_to(31))
