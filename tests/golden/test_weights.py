"""The formula is read as it is meant: single values, checksums and norms are the stated ones."""

import zlib

import numpy as np
import pytest

from tests.golden.weights import OFFICIAL, weights

PARAMETERS = OFFICIAL["parameters"]


def shape_of(name):
    """The stated shape; all layers have those of the first."""
    for layer in range(1, OFFICIAL["model"]["num_hidden_layers"]):
        name = name.replace(f"layer.{layer}.", "layer.0.")
    return tuple(PARAMETERS["shapes"][name])


@pytest.mark.parametrize("name", PARAMETERS["samples"])
def test_the_formula_gives_the_stated_samples(name):
    stated = PARAMETERS["samples"][name]
    values = weights(name, shape_of(name)).ravel()
    assert zlib.crc32(name.encode()) == stated["crc32"]
    np.testing.assert_allclose(values[:3], stated["first"], rtol=1e-8)
    assert values[-1] == pytest.approx(stated["last"], rel=1e-8)
    assert np.linalg.norm(values.astype(np.float64)) == pytest.approx(stated["norm"], rel=1e-8)


def test_the_folder_holds_the_weights_of_the_formula(reference_folder):
    from safetensors.numpy import load_file

    saved = load_file(reference_folder / "model.safetensors")
    for name in ("bert.encoder.layer.11.output.dense.bias", "cls.predictions.bias"):
        np.testing.assert_array_equal(saved[name], weights(name, shape_of(name)))
    stated = {name for name in PARAMETERS["shapes"] if not name.startswith("decoder.")}
    assert stated <= saved.keys()
