"""Models cut for timing are the sizes that are served, in every runtime."""

import numpy as np
import pytest
import torch

from starbench.errors import InputError
from starbench.sizes import Size
from starbench.stages.measure.encoders import cut_models, refuse_too_small
from tests.unit.encoders.small_models import TEXTS, model_of

RUNTIMES = ["torch", "onnx", "onnx-int8"]


@pytest.fixture(scope="module")
def made(tiny_checkpoint):
    """The model, and what it is cut to."""
    model = model_of(tiny_checkpoint, "normalize")
    small = cut_models(model, [1], ["torch"], threads=1)
    return model, [*small, *cut_models(model, [3], RUNTIMES, threads=1)]


def test_vectors_of_a_depth_are_the_pooled_states_of_that_layer(made):
    model, cuts = made
    features = model.preprocess(TEXTS)
    with torch.no_grad():
        names = ("input_ids", "attention_mask")
        output = model[0].model(**{n: features[n] for n in names}, output_hidden_states=True)
    mask = features["attention_mask"].unsqueeze(-1)
    for one in cuts:
        mean = (output.hidden_states[one.layers] * mask).sum(1) / mask.sum(1)
        expected = torch.nn.functional.normalize(mean, dim=1).numpy()
        assert one.encoders["torch"](TEXTS) == pytest.approx(expected, abs=1e-6)
    assert one.encoders["onnx"](TEXTS) == pytest.approx(expected, abs=1e-5)
    close = (one.encoders["onnx-int8"](TEXTS) * expected).sum(axis=1)
    assert (close > 0.9).all()


def test_parameters_and_bytes_are_those_of_the_cut_model(made):
    _, cuts = made
    for one in cuts:
        own = sum(p.numel() for n, p in one.model.named_parameters() if ".pooler." not in n)
        assert one.parameters == own
        # Four bytes a number, and the header of the file that names them.
        assert 4 * own < one.file_bytes["torch"] < 4 * own + 20_000
    assert cuts[0].parameters < cuts[1].parameters
    assert list(cuts[1].file_bytes) == RUNTIMES


def test_texts_are_read_up_to_a_length_and_then_as_the_model_does(made):
    (one, *_) = made[1]
    whole = one.encoders["torch"](TEXTS)
    one.read_at_most(3)
    assert not np.allclose(one.encoders["torch"](TEXTS), whole, atol=1e-3)
    one.read_at_most(None)
    assert np.array_equal(one.encoders["torch"](TEXTS), whole)


@pytest.mark.parametrize("cell", [Size(9, 4), Size(1, 17)])
def test_a_size_beyond_the_model_is_refused(made, cell):
    with pytest.raises(InputError, match=f"size {cell}: model m has 4 layers and 16 dimensions"):
        refuse_too_small(made[0], [cell], "m")
