"""Every family goes through the stages: fetched, pre-trained or not, fine-tuned and embedded."""

import json

import numpy as np
import pytest
import torch
from sentence_transformers import SentenceTransformer

from starbench.encoders.cutting import cut_to_depth
from starbench.encoders.families import FAMILIES
from starbench.errors import InputError
from starbench.run.models import MODEL_FOLDER
from starbench.run.paths import RunPaths
from starbench.stages.data.checkpoints import fetch_checkpoint
from starbench.stages.data.fetch import fetch_dataset
from starbench.stages.embed.layered_encoder import LayeredEncoder
from starbench.stages.embed.run import embed_texts
from starbench.stages.finetune.run import finetune_model
from starbench.stages.pretrain.run import pretrain_backbone
from starbench.store.manifest import read_manifest
from tests.families import models
from tests.unit.runs import tiny_config, tiny_value

TEXTS = ["the man sees the red boat .", "a cat .", "the old cat eats slowly near the river ."]
PRETRAINING = {
    "objective": "smae",
    "datasets": ["stories"],
    "max_length": 24,
    "batch_size": 4,
    "steps": 2,
    "learning_rate": 1.0e-3,
}


def run_of(tmp_path, backbone, pooling="mean", pretraining=None, **more):
    """A run on one backbone, with its datasets: (config, paths)."""
    value = tiny_value(datasets={"stories": {"kind": "text", "source": "micro", "rows": 20}})
    value["backbones"] = {"tiny": backbone} | more
    if pretraining:
        value["backbones"]["made"] = {"start": "tiny", "pretraining": pretraining}
        value["systems"]["tiny-srl"]["backbone"] = "made"
    value["tracks"]["sts"]["finetuning"] |= {"steps": 2, "pooling": pooling, "max_length": 24}
    config = tiny_config(**value)
    paths = RunPaths.of(config, tmp_path / "results")
    for name in ("train", "test", *(["stories"] if pretraining else [])):
        fetch_dataset(config, paths, name)
    return config, paths


@pytest.mark.parametrize("family", models.CONFIGS)
def test_a_checkpoint_is_fetched_trained_and_embedded(tmp_path, family):
    folder = models.write_checkpoint(tmp_path / "given", family)
    pooling = "lasttoken" if FAMILIES[family].causal else "mean"
    config, paths = run_of(tmp_path, {"checkpoint": {"name": str(folder)}}, pooling)
    fetch_checkpoint(config, paths, "tiny")
    finetune_model(config, paths, "sts", "tiny-srl", 1)
    embed_texts(config, paths, "sts", "tiny-srl", 1)
    trained = paths.model("sts", "tiny-srl", 1) / MODEL_FOLDER
    layered = LayeredEncoder.load(trained, [1, 4])
    ids = layered.tokenize(TEXTS)
    ours = layered.embed_batch(ids)
    whole = SentenceTransformer(str(trained), device="cpu")
    np.testing.assert_allclose(ours[4], whole.encode(TEXTS), atol=1e-5)
    whole[0].model = cut_to_depth(whole[0].auto_model, 1)
    np.testing.assert_allclose(ours[1], whole.encode(TEXTS), atol=1e-5)


@pytest.mark.parametrize("family", [name for name, family in FAMILIES.items() if family.head])
def test_a_checkpoint_with_a_head_is_pretrained(tmp_path, family):
    folder = models.write_checkpoint(tmp_path / "given", family, head=True)
    backbone = {"checkpoint": {"name": str(folder)}}
    config, paths = run_of(tmp_path, backbone, pretraining=PRETRAINING)
    fetch_checkpoint(config, paths, "tiny")
    pretrain_backbone(config, paths, "made", 1)
    finetune_model(config, paths, "sts", "tiny-srl", 1)
    manifest = read_manifest(paths.backbone("made", 1), "pretrain")
    assert np.isfinite(manifest["final_loss"])
    assert "decoder.safetensors" in manifest["files"]


@pytest.mark.parametrize("family", models.REFUSED)
def test_a_checkpoint_of_another_type_is_refused_where_it_is_fetched(tmp_path, family):
    folder = models.write_checkpoint(tmp_path / "given", family)
    config, paths = run_of(tmp_path, {"checkpoint": {"name": str(folder)}})
    reason = {"t5": r"half of a model.*", "albert": r"share one set of weights.*"}.get(family, "")
    with pytest.raises(InputError, match=rf"type '{family}' cannot be used.*{reason}known are"):
        fetch_checkpoint(config, paths, "tiny")


@pytest.mark.parametrize("family", models.REFUSED)
def test_a_model_of_another_type_is_not_embedded(tmp_path, family):
    model = models.encoder(family)
    with pytest.raises(InputError, match=f"type '{family}' cannot be used"):
        LayeredEncoder(model, models.tokenizer(family), "mean", [1], 24)


@pytest.mark.parametrize("family", ["electra", "deberta-v2", "qwen3"])
def test_pretraining_of_a_family_without_a_head_is_refused_where_it_is_fetched(tmp_path, family):
    folder = models.write_checkpoint(tmp_path / "given", family)
    backbone = {"checkpoint": {"name": str(folder)}}
    config, paths = run_of(tmp_path, backbone, pretraining=PRETRAINING)
    with pytest.raises(InputError, match=f"this is a '{family}'"):
        fetch_checkpoint(config, paths, "tiny")


@pytest.mark.parametrize("family", ["bert", "distilbert", "modernbert", "mpnet", "roberta"])
def test_a_family_starts_from_random_weights(tmp_path, family):
    made = {"layers": 4, "width": 16, "heads": 2, "intermediate": 32, "max_positions": 32}
    made |= {"vocabulary": 300, "family": family}
    backbone = {"architecture": made, "pretraining": PRETRAINING}
    config, paths = run_of(tmp_path, backbone, pretraining=PRETRAINING)
    pretrain_backbone(config, paths, "tiny", 1)
    folder = paths.backbone("tiny", 1)
    config_file = json.loads((folder / "config.json").read_text())
    assert config_file["model_type"] == family
    pretrain_backbone(config, paths, "made", 1)
    finetune_model(config, paths, "sts", "tiny-srl", 1)
    embed_texts(config, paths, "sts", "tiny-srl", 1)
    layered = LayeredEncoder.load(paths.model("sts", "tiny-srl", 1) / MODEL_FOLDER, [2])
    assert layered.max_length == 24
    longest = "the cat " * 40
    whole, _ = layered.tokenize([longest, "a"], 32)
    assert len(whole) == 32
    assert np.isfinite(layered.embed_batch([whole])[2]).all()
    with pytest.raises(InputError, match="the model has 32 positions"):
        layered.tokenize([longest], 33)


def test_random_weights_of_bert_are_those_of_its_own_class(tmp_path):
    from transformers import BertConfig, BertForMaskedLM

    from starbench.config.backbones import Architecture
    from starbench.draws import key_of
    from starbench.stages.pretrain.scratch import from_scratch

    made = Architecture(layers=2, width=16, heads=2, intermediate=32, vocabulary=300)
    model, tokenizer = from_scratch(made, ["the cat sees a dog", "a bird"], 7)
    torch.manual_seed(key_of(7, "pretrain", "weights") % 2**63)
    own = BertForMaskedLM(
        BertConfig(
            vocab_size=len(tokenizer),
            hidden_size=16,
            num_hidden_layers=2,
            num_attention_heads=2,
            intermediate_size=32,
            pad_token_id=0,
        )
    )
    assert type(model) is BertForMaskedLM
    for name, weight in own.state_dict().items():
        assert torch.equal(model.state_dict()[name], weight)
