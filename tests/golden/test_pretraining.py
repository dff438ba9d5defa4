"""The pre-training loss gives the published code's losses, terms and gradients."""

import pytest
import torch

from starbench.encoders.masked_lm import load_masked_lm
from starbench.objectives import PRETRAINING_OBJECTIVES
from starbench.sizes import Size
from starbench.stages.pretrain.model import PretrainingModel
from tests.golden.weights import (
    DECODER,
    OFFICIAL,
    beyond_tolerance,
    check_gradients,
    differences,
    measured,
    worst,
)

SIZES = [Size(2, 32), Size(4, 64), Size(6, 128), Size(8, 256), Size(10, 512), Size(12, 768)]
OBJECTIVE = {"mlm": "matryoshka-mlm", "smae": "smae", "smae_initial": "smae"}


@pytest.fixture(scope="module")
def masked_lm(reference_folder):
    return load_masked_lm(reference_folder)


@pytest.fixture
def build(masked_lm, decoder_weights):
    """Make the model of a case, of a given class."""

    def made(case, kind=PretrainingModel):
        objective = PRETRAINING_OBJECTIVES[OBJECTIVE[case]]
        sizes = objective.sizes(SIZES, SIZES[-1])
        model = kind(masked_lm, sizes, objective.autoencoder)
        if case == "smae":
            model.decoder.load_state_dict(decoder_weights)
        return model.train()

    return made


def results(model):
    """{what: value} of one forward and backward pass."""
    given = {name: torch.tensor(rows) for name, rows in OFFICIAL["inputs"]["pretraining"].items()}
    model.zero_grad()
    output = model(
        given["input_ids"],
        given["labels"],
        given["decoder_input_ids"],
        given["decoder_labels"],
        given["attention_mask"],
    )
    output["loss"].backward()
    terms = {
        f"{key} {size.layers}-{size.dim}": value.item()
        for key in ("mlm", "mae")
        for size, value in zip(model.sizes, output.get(key, ()), strict=False)
    }
    return measured(output["loss"], parameters(model)) | terms


def parameters(model):
    """The parameters by their published names."""
    return {
        name.removeprefix("masked_lm.").replace("decoder.", DECODER, 1)
        if name.startswith("decoder.")
        else name.removeprefix("masked_lm."): parameter
        for name, parameter in model.named_parameters()
    }


@pytest.mark.parametrize("case", OBJECTIVE)
def test_a_case_gives_the_published_numbers(case, build, note):
    model = build(case)
    assert not beyond_tolerance(differences(note(case, results(model)), case))
    check_gradients(parameters(model), case)


class DetachedFirstPosition(PretrainingModel):
    def _autoencode(self, cls_SBW, ids_BT, labels_BT, mask_BT):  # noqa: N803
        return super()._autoencode(cls_SBW.detach(), ids_BT, labels_BT, mask_BT)


class SeesPadding(PretrainingModel):
    def _autoencode(self, cls_SBW, ids_BT, labels_BT, mask_BT):  # noqa: N803
        return super()._autoencode(cls_SBW, ids_BT, labels_BT, torch.ones_like(mask_BT))


class FullSizeEverywhere(PretrainingModel):
    def _autoencode(self, cls_SBW, ids_BT, labels_BT, mask_BT):  # noqa: N803
        full_SBW = cls_SBW[-1:].expand_as(cls_SBW)  # noqa: N806
        return super()._autoencode(full_SBW, ids_BT, labels_BT, mask_BT)


@pytest.mark.parametrize(
    ("wrong", "loss", "norm"),
    [
        (DetachedFirstPosition, 0, 9e-3),
        (SeesPadding, 5e-4, 9e-2),
        (FullSizeEverywhere, 3e-4, 1e-1),
    ],
)
def test_a_wrong_autoencoder_is_as_far_off_as_stated(wrong, loss, norm, build):
    found = differences(results(build("smae", wrong)), "smae")
    assert beyond_tolerance(found)
    assert worst(found) == (loss, norm)
