"""Padding is brought behind the texts, whichever side it is on."""

import pytest
import torch

from starbench.encoders.padding import right_padded
from starbench.errors import InputError
from starbench.stages.finetune.one_pass import embed_columns

LEFT = {
    "input_ids": torch.tensor([[0, 0, 5, 6], [7, 8, 9, 5], [0, 5, 6, 0]]),
    "attention_mask": torch.tensor([[0, 0, 1, 1], [1, 1, 1, 1], [0, 1, 1, 0]]),
}


def test_texts_start_in_the_first_column():
    found = right_padded(LEFT)
    assert found["attention_mask"].tolist() == [[1, 1, 0, 0], [1, 1, 1, 1], [1, 1, 0, 0]]
    assert found["input_ids"].tolist() == [[5, 6, 0, 0], [7, 8, 9, 5], [5, 6, 0, 0]]


def test_what_is_padded_on_the_right_is_left_as_it_is():
    features = {"attention_mask": torch.tensor([[1, 1, 0], [1, 1, 1]]), "input_ids": None}
    assert right_padded(features) is features


def test_a_row_of_padding_alone_stays():
    mask = torch.tensor([[0, 0, 0], [0, 1, 1]])
    assert right_padded({"attention_mask": mask})["attention_mask"].tolist() == [
        [0, 0, 0],
        [1, 1, 0],
    ]


@pytest.mark.parametrize("hole", [[1, 0, 1], [0, 1, 0, 1], [1, 0, 0, 1]])
def test_padding_between_tokens_is_refused_with_its_row(hole):
    mask = torch.tensor([[1] * len(hole), hole])
    with pytest.raises(InputError, match="row 1 of the batch has padding between tokens"):
        right_padded({"attention_mask": mask})


def test_columns_may_be_padded_on_different_sides(tiny_model):
    text = "the man sees the red boat ."
    sides = []
    for side in ("left", "right"):
        tiny_model.tokenizer.padding_side = side
        features = tiny_model.preprocess([text, "a cat ."])
        sides.append({name: features[name] for name in ("input_ids", "attention_mask")})
    assert not torch.equal(sides[0]["attention_mask"], sides[1]["attention_mask"])
    left, right = embed_columns(tiny_model.eval(), sides, [2])[2]
    torch.testing.assert_close(left, right)
    assert not torch.allclose(left[0], left[1])
