"""A model card says what the config and the run say, and shows names as they are written."""

import re

import numpy as np
import pytest
import yaml
from markdown_it import MarkdownIt

from starbench.config.reading import parse_config
from starbench.run.exports import Exported
from starbench.run.models import models_of
from starbench.sizes import Size
from starbench.stages.export.card import NOT_STATED, Facts, Format, card
from starbench.stages.export.scored import Beside
from tests.hostile import HOSTILE
from tests.unit.runs import tiny_value

FACTS = {
    "parameters": 1_234_567,
    "max_length": 32,
    "similarity": "cosine",
    "prompts": {},
    "licence": None,
    "scores": None,
}


def card_with(value=None, **facts) -> str:
    config = parse_config(value or tiny_value())
    (model,) = models_of(config, "sts")
    return card(config, Exported(model, 1, Size(1, 4)), Facts(**(FACTS | facts)))


def rendered(text: str) -> str:
    front, _, body = text.removeprefix("---\n").partition("\n---\n")
    assert yaml.safe_load(front)["library_name"] == "sentence-transformers"
    return MarkdownIt("commonmark").enable("table").render(body)


def test_it_says_what_the_model_is_and_how_to_load_it():
    text = card_with()
    assert "# tiny-srl, size 1/4" in text
    assert "1 layers, vectors of 4 dimensions, 1.2 million parameters" in text
    assert "cut at 32 tokens; vectors are compared by cosine" in text
    assert "exported before its run was scored" in text
    assert "Texts are not cut;" in card_with(max_length=None)
    assert "- fine-tuned (srl) on `train` (micro)" in text
    code = re.search(r"```python\n(.*?)```", text, re.S)
    assert code is not None
    assert len([line for line in code[1].splitlines() if line]) == 2


def test_licences_of_the_training_data_and_rounded_weights_are_told():
    value = tiny_value()
    value["datasets"]["train"]["licence"] = "CC BY 4.0"
    assert "- fine-tuned (srl) on `train` (micro, licence CC BY 4.0)" in card_with(value)
    assert "float16" not in card_with()
    assert "The least cosine of a vector with that of the unrounded weights is 0.9999875" in (
        card_with(rounded=0.9999875)
    )


def test_the_scores_of_all_sizes_are_there_and_this_one_is_marked():
    scores = {"n1-d4": {"test": 0.25}, "n2-d8": {}, "n4-d16": {"test": 0.5}}
    text = card_with(scores=scores)
    assert "| **1/4** (this one) | 1 | 4 | 0.2500 |" in text
    assert "| 2/8 | 2 | 8 | – |" in text
    assert "| 4/16 | 4 | 16 | 0.5000 |" in text


@pytest.mark.parametrize(("licence", "told"), [("mit", "mit"), (None, NOT_STATED)])
def test_the_licence_is_the_checkpoints_or_said_to_be_unknown(licence, told):
    text = card_with(licence=licence)
    assert f"- licence of the backbone: {told}" in text
    front = yaml.safe_load(text.split("---")[1])
    assert front.get("license") == licence


def test_a_backbone_that_was_made_here_needs_no_licence():
    value = tiny_value()
    made = {"layers": 4, "width": 16, "heads": 2, "intermediate": 32, "vocabulary": 600}
    trained = {"objective": "mlm", "datasets": ["texts"], "steps": 2}
    trained |= {"batch_size": 4, "learning_rate": 0.1, "max_length": 32}
    value["backbones"] = {"tiny": {"architecture": made, "pretraining": trained}}
    value["datasets"]["texts"] = {"kind": "text", "source": "micro", "rows": 20}
    text = card_with(value)
    assert "made in this run, from random weights" in text
    assert "licence" not in text
    assert "- pre-trained (mlm) on `texts` (micro)" in text


def test_equal_steps_of_pretraining_are_told_once():
    value = tiny_value()
    made = {"layers": 4, "width": 16, "heads": 2, "intermediate": 32, "vocabulary": 600}
    trained = {"objective": "mlm", "datasets": ["texts"], "steps": 2}
    trained |= {"batch_size": 4, "learning_rate": 0.1, "max_length": 32}
    first = {"architecture": made, "pretraining": trained}
    second = {"start": "first", "pretraining": trained | {"max_length": 64}}
    value["backbones"] = {"first": first, "tiny": second}
    value["datasets"]["texts"] = {"kind": "text", "source": "micro", "rows": 20}
    assert card_with(value).count("- pre-trained (mlm) on `texts` (micro)") == 1


def test_onnx_files_come_with_what_they_cost():
    near = Format("onnx/model.onnx", 2.56, np.array([1.0, 0.9999999]))
    beside = [Beside("test", "m", 0.5, 0.4)]
    far = Format("onnx/model_int8.onnx", 0.85, np.array([0.9, 1.0]), beside)
    text = card_with(formats=[near, far])
    assert "| `onnx/model.onnx` | 2.6 | 0.9999999 | 1.0000000 |" in text
    assert "| `onnx/model_int8.onnx` | 0.8 | 0.9000000 | 0.9500000 |" in text
    assert "| `test` | m | 0.5000 | 0.4000 |" in text
    assert "over 2 texts" in text
    assert "There is no ONNX file: it is a decoder." in card_with(no_onnx="it is a decoder")


@pytest.mark.parametrize("name", HOSTILE)
def test_names_are_shown_as_they_are_written(name):
    value = tiny_value(title=name)
    value["systems"]["tiny-srl"]["display"] = name
    value["datasets"]["test"]["display"] = name
    value["sizes"][0]["name"] = "first"
    scores = {"n1-d4": {"test": 0.25}}
    page = rendered(card_with(value, scores=scores, licence=name, prompts={name: name}))
    assert not re.search(r"<(script|img|b|em|s|blockquote)\b", page)
    assert not re.search(r'href="javascript', page)
