"""Prompts in training: what the library computes for texts with a prompt, in every layer."""

import pytest
import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Pooling, Transformer

from starbench.config.reading import parse_config
from starbench.encoders.prompts import prompt_tokens
from starbench.run.models import model_named
from starbench.run.paths import RunPaths
from starbench.stages.data.checkpoints import fetch_checkpoint
from starbench.stages.data.fetch import fetch_dataset
from starbench.stages.finetune.model import build_model
from starbench.stages.finetune.one_pass import embed_columns
from starbench.stages.finetune.order import order_of
from starbench.stages.finetune.run import (
    finetune_model,
    prompts_of_columns,
    training_examples,
)
from starbench.store.records import read_records
from tests.unit.runs import tiny_value

QUERIES = ["the red boat", "a man", "some child was seen today"]
PASSAGES = ["a big park near the old boat", "the child", "a boat was seen by the man today"]


def model_of(tiny_checkpoint, include_prompt, mode="mean"):
    modules = [Transformer(str(tiny_checkpoint)), Pooling(16, mode, include_prompt)]
    return SentenceTransformer(modules=modules, device="cpu").eval()


@pytest.mark.parametrize("include_prompt", [True, False])
@pytest.mark.parametrize("mode", ["mean", "cls", "lasttoken", "max"])
def test_columns_with_prompts_of_their_own_are_pooled_as_the_library_does(
    tiny_checkpoint, include_prompt, mode
):
    model = model_of(tiny_checkpoint, include_prompt, mode)
    prompts = ("the small ", "a ")
    columns = [
        model.preprocess(texts, prompt=prompt)
        for texts, prompt in zip((QUERIES, PASSAGES), prompts, strict=True)
    ]
    for column in columns:  # as a batch of the trainer has it
        column["prompt_length"] = torch.tensor([column["prompt_length"]])
    found = embed_columns(model, columns, [2, 4])
    for layer in (2, 4):
        cut = model_of(tiny_checkpoint, include_prompt, mode)
        cut[0].auto_model.encoder.layer = cut[0].auto_model.encoder.layer[:layer]
        for texts, prompt, embedded in zip((QUERIES, PASSAGES), prompts, found[layer], strict=True):
            expected = cut.encode(texts, prompt=prompt, convert_to_tensor=True)
            torch.testing.assert_close(embedded.detach(), expected, atol=1e-5, rtol=1e-5)


def config_of(folder, prompts, track="sts"):
    value = tiny_value(
        backbones={"tiny": {"checkpoint": {"name": str(folder)}, "prompts": prompts}}
    )
    return parse_config(value)


def prepared(folder, prompts, tmp_path):
    config = config_of(folder, prompts)
    paths = RunPaths.of(config, tmp_path / "results")
    fetch_dataset(config, paths, "train")
    fetch_checkpoint(config, paths, "tiny")
    return config, paths


def test_prompts_of_roles_and_datasets_come_before_the_models_own(tmp_path, tiny_checkpoint):
    model = model_of(tiny_checkpoint, True)
    model.prompts = {"text": "own "}
    model.save(str(tmp_path / "st"))
    for prompts, expected in (
        ({}, "own "),
        ({"text": "role "}, "role "),
        ({"text": "role ", "train": "dataset "}, "dataset "),
        ({"train": "dataset ", "train-text": "both "}, "both "),
        ({"query": "q "}, "own "),
        ({"text": ""}, None),
    ):
        config, paths = prepared(tmp_path / "st", prompts, tmp_path / str(prompts))
        made = model_named(config, "sts", "tiny-srl")
        encoder = build_model(paths.checkpoint("tiny"), made, prompts)
        rows = read_records(paths.dataset("train"))
        found = prompts_of_columns(config, made, encoder, rows)
        columns = ("anchor", "positive", "negative")
        assert found == ({} if expected is None else dict.fromkeys(columns, expected))


def test_a_training_with_prompts_keeps_them_with_its_model(tmp_path, tiny_checkpoint):
    config, paths = prepared(tiny_checkpoint, {"text": "the small "}, tmp_path)
    finetune_model(config, paths, "sts", "tiny-srl", 1)
    saved = SentenceTransformer(str(paths.model("sts", "tiny-srl", 1) / "model"), device="cpu")
    assert saved.prompts["text"] == "the small "
    text = "a big boat"
    assert (saved.encode(text) == saved.encode(text, prompt="the small ")).all()
    assert (saved.encode(text) != saved.encode(text, prompt="")).any()


def test_passages_of_training_queries_get_theirs(tmp_path, tiny_checkpoint):
    record = {
        "query_id": "1",
        "query": QUERIES[0],
        "positive_passages": [{"id": "a", "title": "", "text": PASSAGES[0]}],
        "negative_passages": [{"id": "b", "title": "", "text": PASSAGES[1]}],
    }
    from datasets import Dataset

    rows = Dataset.from_list([record])
    settings = (
        parse_config(
            tiny_value(
                datasets={"train": {"kind": "training-queries", "source": "micro", "rows": 60}}
            )
        )
        .tracks["sts"]
        .finetuning.model_copy(update={"negatives": 1})
    )
    encoder = model_of(tiny_checkpoint, False)
    prompts = {"query": "the small ", "passage": "a "}
    order = order_of(1, 1, settings, 1, 1)
    _, collator = training_examples(encoder, rows, "training-queries", settings, order, 1, prompts)
    batch = collator([{"row": 0, "epoch": 0}])
    tokenizer = encoder.tokenizer
    assert tokenizer.decode(batch["query_input_ids"][0]).split()[1:3] == ["the", "small"]
    assert (
        batch["query_prompt_length"].tolist()
        == [prompt_tokens(encoder.tokenizer, "the small ")]
        == [3]
    )
    assert batch["passage_prompt_length"].tolist() == [2, 2]
