"""Planned parameters are those of the models themselves, whatever their family and its options."""

import json

import pytest

from starbench.config.training import Pretraining
from starbench.encoders.shape import Encoder, read_encoder
from starbench.errors import InputError
from starbench.objectives import PRETRAINING_OBJECTIVES
from starbench.planning.encoders import shape_of
from starbench.planning.lengths import Lengths
from starbench.planning.work import pretraining_work
from starbench.run.paths import RunPaths
from starbench.stages.pretrain.scratch import from_scratch
from tests.families import models
from tests.families.measuring import planned_parameters
from tests.unit.runs import tiny_config

OPTIONS = [
    ("deberta-v2", {"conv_kernel_size": 3, "share_att_key": False, "embedding_size": 8}),
    ("deberta-v2", {"relative_attention": False, "norm_rel_ebd": "none", "type_vocab_size": 2}),
    ("deberta-v2", {"position_buckets": -1, "position_biased_input": True}),
    ("electra", {"embedding_size": models.WIDTH}),
    ("modernbert", {"norm_bias": True, "mlp_bias": True, "attention_bias": True}),
    ("llama", {"attention_bias": True, "mlp_bias": True, "head_dim": 4}),
    ("llama", {"num_key_value_heads": 2}),
    ("qwen3", {"attention_bias": True}),
    ("roberta", {"type_vocab_size": 2}),
    ("bert", {"type_vocab_size": 3}),
]


@pytest.mark.parametrize(("family", "options"), OPTIONS)
def test_options_of_a_family_are_counted(family, options, monkeypatch):
    monkeypatch.setitem(models.CONFIGS, family, models.CONFIGS[family] | options)
    assert planned_parameters(family) == 0


@pytest.mark.parametrize("family", ["bert", "distilbert", "modernbert", "mpnet", "roberta"])
def test_a_backbone_from_scratch_is_planned_as_it_is_made(tmp_path, family):
    architecture = {"layers": 4, "width": 16, "heads": 2, "intermediate": 32, "family": family}
    training = {"objective": "mlm", "datasets": ["stories"], "batch_size": 4, "steps": 2}
    config = tiny_config(
        datasets={"stories": {"kind": "text", "source": "micro", "rows": 9}},
        backbones={
            "tiny": {
                "architecture": architecture | {"vocabulary": 64, "max_positions": 20},
                "pretraining": training | {"learning_rate": 0.1, "max_length": 16},
            }
        },
        tracks={
            "sts": {
                "tasks": ["test"],
                "finetuning": {"dataset": "train", "batch_size": 8, "steps": 1, "max_length": 20}
                | {"learning_rate": 0.1},
            }
        },
    )
    planned = shape_of(config, RunPaths.of(config, tmp_path), "tiny").encoder
    section = config.backbones["tiny"].architecture
    model, tokenizer = from_scratch(section, ["".join(map(chr, range(97, 123)))] * 9, 1)
    encoder = model.base_model
    unused = (section.vocabulary - len(tokenizer)) * section.width
    real = sum(parameter.numel() for parameter in encoder.parameters())
    assert planned.parameters() == real + unused
    assert (planned.positions, planned.decodes_whole) == (20, family == "modernbert")


def test_a_bert_s_shape_alone_tells_its_parameters(tmp_path):
    """So that one that is known from a list is alike one that was read."""
    models.encoder("bert").save_pretrained(tmp_path)
    read = read_encoder(tmp_path / "config.json")
    assert read == Encoder(models.DEPTH, models.WIDTH, 32, 42, models.POSITIONS)


def test_positions_behind_the_padding_are_not_for_tokens(tmp_path):
    models.encoder("roberta").save_pretrained(tmp_path)
    assert read_encoder(tmp_path / "config.json").positions == models.POSITIONS


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model_type": "gpt2"}, "a model of type 'gpt2' cannot be used"),
        ({"hidden_size": None}, "has no hidden_size: it is not an encoder"),
    ],
)
def test_a_config_that_tells_no_shape_is_refused(tmp_path, changes, message):
    models.encoder("bert").save_pretrained(tmp_path)
    path = tmp_path / "config.json"
    found = json.loads(path.read_text()) | changes
    path.write_text(json.dumps({key: value for key, value in found.items() if value is not None}))
    with pytest.raises(InputError, match=message):
        read_encoder(path)


def test_a_decoder_on_whole_sequences_is_planned_for_each_size(tmp_path):
    settings = Pretraining(
        objective="smae", datasets=["x"], batch_size=8, steps=10, learning_rate=0.1, max_length=32
    )
    models.encoder("modernbert").save_pretrained(tmp_path)
    encoder = read_encoder(tmp_path / "config.json")
    texts, smae = Lengths.of_words(20, 0.1), PRETRAINING_OBJECTIVES["smae"]
    works = {
        sizes: pretraining_work(encoder, settings, texts, 100, sizes, smae, 1) for sizes in (2, 6)
    }
    assert works[6].operations > 1.5 * works[2].operations
    assert works[6].calls - works[2].calls == 10 * 4
