"""What a training took in multiply-adds: what PyTorch counts in a step, and what manifests say."""

import copy

import pytest
import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Pooling, Transformer
from torch.utils.flop_counter import FlopCounterMode

from starbench import LayeredLoss, RankingLoss, Size, Teacher
from starbench.config.reading import parse_config
from starbench.objectives import OBJECTIVES
from starbench.run.paths import RunPaths
from starbench.stages.data.checkpoints import fetch_checkpoint
from starbench.stages.data.fetch import fetch_dataset
from starbench.stages.finetune.effort import effort_of
from starbench.stages.finetune.run import finetune_model
from starbench.stages.finetune.texts_read import TextsRead
from starbench.stages.report.trainings import trainings, trainings_table
from starbench.store.manifest import read_manifest
from tests.conftest import WIDTH, WORDS
from tests.unit.runs import tiny_value

ROWS, WORDS_OF_A_TEXT = 16, 12


@pytest.fixture
def plain_model(tiny_checkpoint):
    """A model whose attention is plain products, which PyTorch counts on a processor."""
    options = {"attn_implementation": "eager"}
    transformer = Transformer(str(tiny_checkpoint), model_kwargs=options)
    return SentenceTransformer(modules=[transformer, Pooling(WIDTH)], device="cpu")


def columns_of(model):
    """Three columns of texts of one length, so that nothing is padded."""
    plain = [word for word in WORDS if word.isalpha()]
    texts = [" ".join(plain[n % 7 :][:WORDS_OF_A_TEXT]) for n in range(ROWS)]
    kept = ("input_ids", "attention_mask")
    encoded = {key: value for key, value in model.preprocess(texts).items() if key in kept}
    assert bool(encoded["attention_mask"].all())
    return [encoded] * 3


def loss_of(model, teacher=None):
    objective = OBJECTIVES["single"].model_validate({"objective": "single"})
    base = RankingLoss("cosine", 0.05)
    return LayeredLoss(model, base, [Size(4, WIDTH)], objective, teacher=teacher)


@pytest.mark.parametrize("taught", [False, True])
def test_a_step_takes_what_pytorch_counts(plain_model, taught):
    teacher = Teacher(copy.deepcopy(plain_model)) if taught else None
    loss, columns = loss_of(plain_model, teacher), columns_of(plain_model)
    counter = FlopCounterMode(display=False)
    with counter:
        loss(columns, None).backward()
    effort = effort_of(loss, accumulation=1, frozen=False)
    assert effort["loop_steps"] == 1
    # The scores of the batch and the gradient that no first layer needs are all that differs.
    assert effort["step_multiply_adds"] == pytest.approx(counter.get_total_flops() / 2, rel=0.05)


def test_calls_are_averaged_and_parts_of_a_step_added(plain_model):
    loss, columns = loss_of(plain_model), columns_of(plain_model)
    halves = [{key: value[:8] for key, value in column.items()} for column in columns]
    for _ in range(2):
        loss(halves, None)
    in_parts = effort_of(loss, accumulation=2, frozen=False)
    whole = loss_of(plain_model)
    whole(columns, None)
    at_once = effort_of(whole, accumulation=1, frozen=False)
    assert in_parts == at_once
    assert effort_of(whole, 1, frozen=True)["step_multiply_adds"] == pytest.approx(
        at_once["step_multiply_adds"] / 3, abs=1
    )


def test_padding_is_not_counted():
    read = TextsRead()
    assert read.tokens == 0
    mask = torch.tensor([[1, 1, 1, 1], [1, 1, 0, 0]])
    read.add([{"attention_mask": mask}])
    assert read.tokens == 6
    assert read.attended == pytest.approx((16 + 4) / 6)


def test_a_system_takes_what_all_its_models_take(tiny_checkpoint, tmp_path):
    value = tiny_value(backbones={"tiny": {"checkpoint": {"name": str(tiny_checkpoint)}}})
    value["systems"] = {
        "alone": {"backbone": "tiny", "objective": "single"},
        "each": {"backbone": "tiny", "objective": "separate"},
        "as-it-is": {"backbone": "tiny", "objective": "untouched"},
    }
    value["tracks"]["sts"]["objectives"] = [{"objective": "separate", "train_dim": "own"}]
    config = parse_config(value)
    paths = RunPaths.of(config, tmp_path)
    fetch_dataset(config, paths, "train")
    fetch_checkpoint(config, paths, "tiny")
    names = ("alone", "each-n1-d4", "each-n2-d8")
    for name in names[:2]:
        finetune_model(config, paths, "sts", name, 1)
    assert trainings(config, paths).keys() == {"sts"}
    assert trainings(config, paths)["sts"].keys() == {"alone"}, "a model of `each` is missing"
    for name in (names[2], "as-it-is"):
        finetune_model(config, paths, "sts", name, 1)
    found = trainings(config, paths)["sts"]
    assert found.keys() == {"alone", "each"}
    # The model of the full size is that of `alone`.
    made = [read_manifest(paths.model("sts", name, 1)) for name in names]
    assert found["alone"]["models"] == 1
    assert found["each"]["models"] == 3
    assert found["each"]["steps"] == 30
    total = sum(manifest["step_multiply_adds"] * 10 for manifest in made)
    assert found["each"]["multiply_adds"] == pytest.approx(total)
    assert found["each"]["seconds"] == pytest.approx(sum(m["loop_s"] for m in made))
    # 4, 2 and 1 layers beside 4.
    ratio = found["each"]["multiply_adds"] / found["alone"]["multiply_adds"]
    assert ratio == pytest.approx(7 / 4, rel=1e-3)
    more = parse_config({**value, "seeds": [1, 2]})
    assert trainings(more, paths)["sts"] == found, "of the seeds whose models are there"
    lines = list(trainings_table({"sts": found}, config))
    assert lines[2].startswith("| alone | sts | 1 | 10 | 0.0")
    assert lines[3].startswith("| each | sts | 3 | 30 | 0.0")


def test_what_older_models_do_not_tell_is_said():
    effort = {"models": 1, "steps": 1000, "seconds": None, "multiply_adds": None}
    config = parse_config(tiny_value())
    lines = list(trainings_table({"sts": {"tiny-srl": effort}}, config))
    assert lines[2] == "| tiny-srl | sts | 1 | 1,000 | not told | not told |"
