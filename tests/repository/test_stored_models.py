"""The small models that the repository keeps: small, licensed, and ones that answer questions."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from sentence_transformers import SentenceTransformer

from starbench.store.artifacts import opened

MODELS = Path(__file__).parents[2] / "results/reference/scratch/models"

QUESTIONS = {
    "What are the symptoms of diabetes?": "People with diabetes are often thirsty and pass urine "
    "often. Other symptoms of diabetes are hunger and loss of weight.",
    "How is asthma treated?": "Treatment of asthma consists of inhaled medicines that open the "
    "airways and reduce their inflammation.",
    "Is cystic fibrosis inherited?": "Cystic fibrosis is inherited in an autosomal recessive "
    "pattern: both copies of the gene have mutations.",
}


@pytest.fixture(params=("starbucks", "bert-srl"))
def folder(request) -> Path:
    return MODELS / request.param


def test_a_stored_model_is_whole_and_small(folder):
    assert opened(folder, "export")["config"]["seed"] == 42
    assert sum(path.stat().st_size for path in folder.rglob("*")) < 10e6
    weights = load_file(folder / "model.safetensors")
    assert {weight.dtype for weight in weights.values()} == {torch.float16}


def test_its_card_names_what_it_was_trained_on_and_the_licences(folder):
    card = (folder / "README.md").read_text(encoding="utf-8")
    for data in ("medquad-train", "enwiki", "wikinews", "CC BY 4.0", "CC BY-SA 3.0", "CC BY 2.5"):
        assert data in card


def test_it_finds_the_answer_of_each_question(folder):
    model = SentenceTransformer(str(folder))
    questions, answers = (model.encode(list(texts)) for texts in (QUESTIONS, QUESTIONS.values()))
    assert questions.shape == (3, 192)
    assert model.similarity(questions, answers).argmax(dim=1).tolist() == [0, 1, 2]
