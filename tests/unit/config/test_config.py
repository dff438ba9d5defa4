"""Every mistake in a config gives one error that names file, line, key and what would be right."""

import json
from pathlib import Path
from typing import get_args

import jsonschema
import pytest
import yaml

from starbench.config import docs
from starbench.config.config import Config
from starbench.config.docs import readme_text, schema_text
from starbench.config.reading import load_config, parse_config
from starbench.config.resolved import objective_of, use_of
from starbench.errors import InputError
from starbench.run.models import models_of
from starbench.section import Section
from starbench.sizes import Size
from tests.unit.runs import tiny_value

ROOT = Path(__file__).parents[3]
DEMO = ROOT / "config" / "demo.yaml"


@pytest.fixture
def edited(tmp_path):
    """Write the demo's config with one text replaced and return the file."""

    def edit(old: str, new: str) -> Path:
        text = DEMO.read_text(encoding="utf-8")
        assert old in text
        path = tmp_path / "run.yaml"
        path.write_text(text.replace(old, new, 1), encoding="utf-8")
        return path

    return edit


def line_of(path: Path, text: str) -> int:
    lines = path.read_text(encoding="utf-8").splitlines()
    return next(number for number, line in enumerate(lines, start=1) if text in line)


@pytest.mark.parametrize("path", sorted((ROOT / "config").glob("*.yaml")), ids=lambda p: p.name)
def test_every_config_of_the_project_is_valid(path):
    assert load_config(path).run == path.stem


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("title:", "titel:", "titel: unknown key 'titel' (did you mean 'title'?)"),
        (
            "      learning_rate: 1.0e-3\n      max_length",
            "      learning_rat: 1.0e-3\n      max_length",
            "tracks.sts.finetuning.learning_rat: unknown key 'learning_rat' "
            "(did you mean 'learning_rate'?)",
        ),
        ("objective: single}", "objective: singel}", "'singel' is not valid"),
        ("objective: single}", "objective: singel}", "(did you mean 'single'?)"),
        ("source: micro", "source: mirco", "(did you mean 'micro'?)"),
        ("kl_over: dims", "kl_over: dim", "'dim' does not match"),
        ("- {objective: separate,", "- {objective: seperate,", "(did you mean 'separate'?)"),
        (
            "tasks: [paraphrase",
            "tasks: [parafrase",
            "no dataset 'parafrase' (did you mean 'paraphrase'?)",
        ),
        (
            "backbone: bert-smae",
            "backbone: bert-smea",
            "no backbone 'bert-smea' (did you mean 'bert-smae'?)",
        ),
        ("layers: 6, dim: 128", "layers: 7, dim: 128", "7 layers, but backbone 'bert' has 6"),
        ("dim: 128", "dim: 129", "129 dimensions, but backbone 'bert' has 128"),
        ("layers: 2, dim: 8", "layers: 2, dim: 4", ""),
        ("layers: 3, dim: 16", "layers: 1, dim: 16", "sizes must increase"),
        ("layers: 2, dim: 8", "layers: 0, dim: 8", "needs at least 1, got 0"),
        ("dataset: entailments", "dataset: stories", "is of kind text, needed is triplets"),
        ("tasks: [paraphrase", "tasks: [entailments", "is of kind triplets, needed is pairs"),
        ("loss: mnrl", "loss: cosent", "is of kind triplets, needed is pairs"),
        (
            "      loss: mnrl",
            "      loss: mnrl\n      epochs: 1",
            "exactly one of `steps` and `epochs`",
        ),
        ("start: bert\n", "start: bert-smae\n", "in a circle"),
        ("name: short", "name: demi", "the name 'demi' is used twice"),
        ("heads: 4", "heads: 5", "5 heads do not divide width 128"),
        (
            "heads: 4",
            "heads: 128, family: modernbert",
            "1 dimensions a head (width 128): modernbert",
        ),
        ("heads: 4", "heads: 128, family: distilbert", ""),
        ("heads: 4", "heads: 4, family: modernbert", ""),
        ("heads: 4", "heads: 4, family: albert", "architecture.family: "),
        ("seeds: [42]", "seeds: [42, 42]", "seeds.1: seed 42 is listed twice"),
        ("run: demo", "run: Demo!", "'Demo!' is not a name: lower-case letters"),
        ("name: roles", "name: role", "no micro pair set 'role' (did you mean 'roles'?)"),
        (
            "pretrain: {cpus: 2}",
            "pretrain: {runtime_min: 60, max_runtime_min: 30}",
            "compute.pretrain.max_runtime_min: 30 is less than runtime_min 60",
        ),
        ("pretrain: {cpus: 2}", "embed: {gpus: 2}", "needs at most 1, got 2"),
        ("pretrain: {cpus: 2}", "pretrain: {scratch: /tmp}", "unknown key 'scratch'"),
        ("pretrain: {cpus: 2}", "gres: gpu:a100:1", "does not match"),
        (
            "      loss: mnrl",
            "      loss: mnrl\n      passage_choice: drawn",
            "tracks.sts.finetuning.passage_choice: is for datasets of kind training-queries",
        ),
        (
            "      loss: mnrl",
            "      loss: mnrl\n      mask_right_answers: false",
            "tracks.sts.finetuning.mask_right_answers: is for datasets of kind training-queries",
        ),
        (
            "rows: 1500, seed: 7, display: Paraphrase",
            "rows: 1500, max_length: 16",
            "'max_length' is for collections, not for kind pairs",
        ),
        ("    start: bert\n", "", "give exactly one of checkpoint, architecture and start"),
    ],
)
def test_a_mistake_is_named_with_what_would_be_right(edited, old, new, message):
    path = edited(old, new)
    if not message:
        load_config(path)
        return
    with pytest.raises(InputError) as caught:
        load_config(path)
    assert message in str(caught.value)
    assert str(caught.value).startswith(f"{path}:")


def test_the_line_of_the_mistake_is_named(edited):
    path = edited("      loss: mnrl", "      max_lenght: 64")
    with pytest.raises(InputError) as caught:
        load_config(path)
    assert str(caught.value).startswith(f"{path}:{line_of(path, 'max_lenght')}: ")


def test_the_length_of_shared_passages_is_that_of_their_own_collection():
    one = {"kind": "collection", "source": "folder", "name": "one"}
    value = tiny_value(datasets={"one": one, "two": one | {"corpus": "one", "max_length": 16}})
    with pytest.raises(InputError, match=r"two.max_length: the passages are those of 'one'"):
        parse_config(value)


def test_scores_in_bfloat16_are_refused_for_a_loss_without_scores():
    value = tiny_value(systems={"base": {"backbone": "tiny", "objective": "single"}})
    value["tracks"]["sts"]["finetuning"] |= {"dataset": "test", "loss": "cosent"}
    value["tracks"]["sts"]["objectives"] = [{"objective": "single", "bf16_scores": True}]
    with pytest.raises(InputError, match="`bf16_scores` is for the loss mnrl, on track sts it is"):
        parse_config(value)


@pytest.mark.parametrize(
    ("objective", "needed", "other"),
    [
        ("3d-ml", {}, {"negatives": "together"}),
        ("asymmetric", {"over": "scores"}, {}),
        ("cascade", {"kl_over": "scores"}, {"kl_over": "scores", "kl_weight": 0.0}),
        ("srl", {"kl_over": "scores"}, {}),
    ],
)
def test_an_objective_of_scores_is_refused_for_a_loss_without_scores(objective, needed, other):
    def value(options):
        made = tiny_value(systems={"base": {"backbone": "tiny", "objective": objective}})
        made["tracks"]["sts"]["finetuning"] |= {"dataset": "test", "loss": "cosent"}
        made["tracks"]["sts"]["objectives"] = [{"objective": objective, **options}]
        return made

    with pytest.raises(InputError, match=f"{objective}, as it is set, is for the loss mnrl, on tr"):
        parse_config(value(needed))
    parse_config(value(other))


def test_an_option_of_a_systems_override_is_checked(edited):
    path = edited(
        "backbone: bert, objective: srl}",
        "backbone: bert, objective: srl, overrides: {sts: {options: {kl_wait: 1}}}}",
    )
    with pytest.raises(InputError, match=r"overrides.*unknown key 'kl_wait' .*'kl_weight'"):
        load_config(path)


def test_several_mistakes_are_named_together(edited):
    path = edited("title:", "titel:")
    path.write_text(path.read_text().replace("seeds: [42]", "seeds: []"))
    with pytest.raises(InputError) as caught:
        load_config(path)
    assert len(str(caught.value).splitlines()) >= 1


@pytest.mark.parametrize("text", ["- a\n- b\n", "a: [1, 2\n", ""])
def test_a_file_that_is_no_mapping_is_refused(tmp_path, text):
    path = tmp_path / "c.yaml"
    path.write_text(text)
    with pytest.raises(InputError, match=r"c\.yaml:(2:)? "):
        load_config(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match="no config file"):
        load_config(tmp_path / "none.yaml")


def test_separate_has_one_model_per_size_and_the_others_one_for_the_grid():
    config = load_config(DEMO)
    models = {model.name: model for model in models_of(config, "sts")}
    assert len(models) == 4 + len(config.sizes) - 1
    assert models["bert-separate-n2-d8"].cells == (Size(2, 8),)
    assert len(models["starbucks"].cells) == len(config.sizes) ** 2


def test_separate_at_the_full_width_needs_one_model_for_each_number_of_layers():
    value = yaml.safe_load(DEMO.read_text())
    value["tracks"]["sts"] |= {
        "separate_grid": "full",
        "objectives": [{"objective": "separate", "train_dim": "full"}],
    }
    models = [m for m in models_of(parse_config(value), "sts") if m.system == "bert-separate"]
    assert [model.name for model in models] == [f"bert-separate-n{n}-d128" for n in range(1, 7)]
    assert {len(model.cells) for model in models} == {6}
    value["tracks"]["sts"]["objectives"][0]["train_dim"] = "own"
    models = [m for m in models_of(parse_config(value), "sts") if m.system == "bert-separate"]
    assert len(models) == 35


def test_a_model_per_size_at_the_full_size_is_the_model_trained_at_that_size_alone():
    value = yaml.safe_load(DEMO.read_text())
    models = {model.name: model for model in models_of(parse_config(value), "sts")}
    assert "bert-separate-n6-d128" not in models
    assert models["bert"].shared == ("bert-separate",)
    assert ("bert-separate", Size(6, 128)) in models["bert"].scored()
    assert all(not model.shared for name, model in models.items() if name != "bert")
    # ... unless the two are trained otherwise, or nothing is trained at that size alone
    override = {"sts": {"finetuning": {"steps": 7}}}
    value["systems"]["bert-separate"]["overrides"] = override
    assert "bert-separate-n6-d128" in {m.name for m in models_of(parse_config(value), "sts")}
    del value["systems"]["bert-separate"]["overrides"], value["systems"]["bert"]
    assert "bert-separate-n6-d128" in {m.name for m in models_of(parse_config(value), "sts")}


def test_overrides_change_one_system_alone():
    value = yaml.safe_load(DEMO.read_text())
    value["systems"]["bert-srl"]["overrides"] = {
        "sts": {"finetuning": {"epochs": 2}, "options": {"kl_weight": 0.0}}
    }
    config = parse_config(value)
    assert use_of(config, "bert-srl", "sts").epochs == 2
    assert use_of(config, "bert-srl", "sts").steps is None
    assert use_of(config, "starbucks", "sts").steps == config.tracks["sts"].finetuning.steps
    assert objective_of(config, "bert-srl", "sts").kl_weight == 0.0
    assert objective_of(config, "starbucks", "sts").kl_weight == 0.3


@pytest.mark.parametrize(
    ("name", "text"), [("schema.json", schema_text), ("README.md", readme_text)]
)
def test_the_generated_docs_are_in_step_with_the_types(name, text):
    assert (ROOT / "config" / name).read_text(encoding="utf-8") == text(), "run: make config-docs"


@pytest.mark.parametrize("path", sorted((ROOT / "config").glob("*.yaml")), ids=lambda p: p.name)
def test_editors_find_every_config_valid_by_the_schema(path):
    jsonschema.validate(yaml.safe_load(path.read_text()), json.loads(schema_text()))


def test_editors_find_an_unknown_key_by_the_schema():
    value = yaml.safe_load(DEMO.read_text()) | {"titel": "x"}
    with pytest.raises(jsonschema.ValidationError, match="titel"):
        jsonschema.validate(value, json.loads(schema_text()))


def sections_within(kind, found):
    """Collect every section that a type mentions, and those within it."""
    if isinstance(kind, type) and issubclass(kind, Section) and kind not in found:
        found.add(kind)
        for field in kind.model_fields.values():
            sections_within(field.annotation, found)
    for part in get_args(kind):
        sections_within(part, found)
    return found


def test_every_key_of_every_section_is_explained():
    documented = {section for _, section in docs._sections()}
    assert sections_within(Config, set()) <= documented


@pytest.mark.parametrize(
    ("dataset", "said"),
    [
        (
            {"kind": "triplets", "source": "micro", "name": "paraphrase", "rows": 60},
            "'name' is for",
        ),
        ({"kind": "text", "source": "folder", "name": "text/a", "split": "train"}, "'split' is of"),
    ],
)
def test_a_key_of_a_dataset_that_nothing_would_read_is_refused(dataset, said):
    with pytest.raises(InputError, match=rf"datasets\.given.*{said}"):
        parse_config(tiny_value(datasets={"given": dataset}))


@pytest.mark.parametrize(
    ("name", "what"), [("package:some-model", "a package"), ("./here", "a folder")]
)
def test_a_revision_of_what_has_none_is_refused(name, what):
    backbones = {"tiny": {"checkpoint": {"name": name, "revision": "main"}}}
    with pytest.raises(InputError, match=f"'revision' is for repositories of the hub, .* {what}"):
        parse_config(tiny_value(backbones=backbones))


@pytest.mark.parametrize(
    ("objective", "rate", "is_refused"),
    [("mlm", 0.6, True), ("mlm", 0.4, False), ("smae", 0.6, False)],
)
def test_a_rate_for_a_decoder_that_is_not_there_is_refused(objective, rate, is_refused):
    pretraining = {"objective": objective, "datasets": ["text"], "decoder_mask_rate": rate}
    pretraining |= {"batch_size": 4, "steps": 1, "learning_rate": 0.1}
    value = tiny_value(
        datasets={"text": {"kind": "text", "source": "micro", "rows": 10}},
        backbones={"tiny": {"checkpoint": {"name": "nowhere/a"}, "pretraining": pretraining}},
    )
    if is_refused:
        with pytest.raises(InputError, match=r"decoder_mask_rate: mlm has no decoder: .* smae"):
            parse_config(value)
    else:
        parse_config(value)


def test_twenty_mistakes_are_shown_at_most():
    with pytest.raises(InputError) as caught:
        parse_config({"seeds": ["one"] * 30})
    assert len(caught.value.mistakes) == 20
