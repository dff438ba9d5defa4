"""The reference model, as a folder that the pipeline loads; it is made once."""

import csv
from pathlib import Path

import pytest
import torch

from tests.golden.weights import DECODER, OFFICIAL, weights


def pytest_addoption(parser):
    parser.addoption("--numbers", metavar="FILE", help="write what every case gives as CSV")


@pytest.fixture(scope="session")
def note(request):
    """Keep the numbers of a case: they are written to the file of --numbers at the end."""
    kept = []

    def noted(case, ours):
        kept.extend((case, what, value) for what, value in ours.items())
        return ours

    yield noted
    if path := request.config.getoption("--numbers", None):
        with Path(path).open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([("case", "what", "value"), *kept])


@pytest.fixture(scope="session")
def reference_folder(tmp_path_factory):
    """A BertForMaskedLM with the weights of the formula, and a tokenizer of the same size."""
    from transformers import BertConfig, BertForMaskedLM, BertTokenizerFast

    folder = tmp_path_factory.mktemp("reference")
    config = BertConfig(**OFFICIAL["model"])
    with torch.device("meta"):
        model = BertForMaskedLM(config)
    model.to_empty(device="cpu")
    model.tie_weights()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.copy_(torch.from_numpy(weights(name, tuple(parameter.shape))))
    model.save_pretrained(folder)
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    words += [f"w{number}" for number in range(len(words), config.vocab_size)]
    BertTokenizerFast(vocab={word: number for number, word in enumerate(words)}).save_pretrained(
        folder
    )
    return folder


@pytest.fixture(scope="session")
def decoder_weights():
    """{name within the layer: tensor} of the auto-encoder's decoder."""
    shapes = OFFICIAL["parameters"]["shapes"]
    return {
        name.removeprefix(DECODER): torch.from_numpy(weights(name, tuple(shape)))
        for name, shape in shapes.items()
        if name.startswith(DECODER)
    }
