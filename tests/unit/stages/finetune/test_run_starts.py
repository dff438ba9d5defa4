"""Systems that are built on others: where they start, whose weights they average, who teaches."""

import pytest
from safetensors.torch import load_file

from starbench.config.reading import parse_config
from starbench.errors import InputError
from starbench.run.jobs import JobGraph
from starbench.run.models import model_named
from starbench.run.paths import RunPaths
from starbench.run.reads import reads
from starbench.run.slices import finetuning_slice
from starbench.stages.data.checkpoints import fetch_checkpoint
from starbench.stages.data.fetch import fetch_dataset
from starbench.stages.export.family import training_data
from starbench.stages.finetune.run import finetune_model
from starbench.stages.report.roles import role_of
from starbench.stages.report.systems import described
from starbench.store.manifest import read_manifest
from tests.unit.runs import tiny_value

TAUGHT = {"sts": {"finetuning": {"teacher": {"system": "alone", "weight": 0.5}}}}


def built_on_others(folder="nowhere/tiny", **systems):
    """Return a config whose systems come before those that they are built on."""
    value = tiny_value(
        backbones={
            "tiny": {"checkpoint": {"name": str(folder)}},
            "other": {"checkpoint": {"name": str(folder)}},
        }
    )
    own = {
        "mixed": {"objective": "untouched", "start": {"further": 1, "alone": 3}},
        "taught": {"objective": "srl", "overrides": TAUGHT},
        "untaught": {"objective": "srl"},
        "further": {"objective": "srl", "start": "alone"},
        "alone": {"objective": "single"},
        "each": {"objective": "separate"},
        "as-it-is": {"objective": "untouched"},
    }
    value["systems"] = {
        name: {"backbone": "tiny", **system} for name, system in (own | systems).items()
    }
    return value


@pytest.fixture
def made(tiny_checkpoint, tmp_path):
    """A run whose models are fine-tuned in the order of its jobs."""
    value = built_on_others(tiny_checkpoint)
    # A step so small that float32 does not see it: what is saved is what the training began with.
    value["systems"]["further"]["overrides"] = {"sts": {"finetuning": {"learning_rate": 1e-30}}}
    config = parse_config(value)
    paths = RunPaths.of(config, tmp_path)
    fetch_dataset(config, paths, "train")
    fetch_checkpoint(config, paths, "tiny")
    for job in JobGraph(config, paths).needed_by("finetune_model"):
        finetune_model(config, paths, "sts", job.model.name, job.seed)
    return config, paths


def weights(paths, name):
    return load_file(paths.model("sts", name, 1) / "model" / "model.safetensors")


def test_a_training_starts_from_the_other_model(made):
    _, paths = made
    alone, further, backbone = (weights(paths, name) for name in ("alone", "further", "as-it-is"))
    assert alone.keys() == further.keys()
    assert all(alone[key].equal(further[key]) for key in alone)
    assert any(not alone[key].equal(backbone[key]) for key in alone)


def test_an_average_has_each_weight_by_its_share(made):
    _, paths = made
    mixed, further, alone = (weights(paths, name) for name in ("mixed", "further", "alone"))
    for key, found in mixed.items():
        expected = 0.25 * further[key].double() + 0.75 * alone[key].double()
        assert (found.double() - expected).abs().max() < 1e-6


def test_a_taught_model_is_another_one_and_names_its_teacher(made):
    _, paths = made
    taught, untaught = weights(paths, "taught"), weights(paths, "untaught")
    assert any(not taught[key].equal(untaught[key]) for key in taught)
    read = read_manifest(paths.model("sts", "taught", 1))["inputs"]
    assert str(paths.model("sts", "alone", 1)) in str(read)
    assert "alone" not in str(read_manifest(paths.model("sts", "untaught", 1))["inputs"])


def test_models_are_made_after_those_that_they_are_built_on():
    config = parse_config(built_on_others())
    graph = JobGraph(config, RunPaths.of(config))
    order = [job.model.name for job in graph.needed_by("finetune_model")]
    assert order.index("alone") < order.index("further") < order.index("mixed")
    assert order.index("alone") < order.index("taught")
    inputs = {
        job.model.name: [str(file) for file in job.inputs if "models/sts/" in str(file)]
        for job in graph.needed_by("finetune_model")
    }
    at = "results/tiny/models/sts/{}/seed-1/manifest.json".format
    assert inputs["mixed"] == [at("further"), at("alone")]
    assert inputs["taught"] == inputs["further"] == [at("alone")]
    assert inputs["alone"] == []


def test_an_average_is_made_for_each_seed():
    config = parse_config(built_on_others() | {"seeds": [1, 2]})
    assert model_named(config, "sts", "mixed").seeds == (1, 2)
    assert model_named(config, "sts", "as-it-is").seeds == (1,)


def test_other_shares_or_another_teacher_make_a_model_again():
    before, after = parse_config(built_on_others()), built_on_others()
    after["systems"]["mixed"]["start"]["alone"] = 1
    after["systems"]["taught"]["overrides"]["sts"]["finetuning"] = {"teacher": {"system": "alone"}}
    after = parse_config(after)

    def changed(name):
        jobs = [
            JobGraph(config, RunPaths.of(config)).job(
                "finetune_model", {"track": "sts", "model": name, "seed": "1"}
            )
            for config in (before, after)
        ]
        one, two = (
            reads(config, RunPaths.of(config), job)
            for config, job in zip((before, after), jobs, strict=True)
        )
        return one != two

    assert changed("mixed")
    assert changed("taught")
    assert not changed("further")
    assert not changed("untaught")
    assert not changed("alone")


def test_a_model_on_its_own_has_the_slice_that_it_had():
    config = parse_config(built_on_others())
    part = finetuning_slice(config, model_named(config, "sts", "alone"), 1)
    assert part.keys() == {"objective", "sizes", "finetuning", "seed"}
    assert "teacher" not in part["finetuning"]


def test_the_summary_says_what_a_system_is_built_on():
    value = built_on_others()
    value["systems"]["alone"]["display"] = "Single"
    config = parse_config(value)
    assert described(config, "mixed")[-1].endswith(
        "; average of the weights of 25% further and 75% Single"
    )
    assert described(config, "further")[-1].endswith("; starts from Single")
    assert described(config, "taught")[-1].endswith("; taught by Single")
    assert described(config, "alone")[-1].count(";") == 0


def test_what_is_built_on_others_is_none_of_the_papers_systems():
    config = parse_config(built_on_others())
    assert role_of(config, "untaught", "sts") == "srl"
    assert role_of(config, "further", "sts") is role_of(config, "taught", "sts") is None


def test_a_card_names_the_trainings_of_the_models_that_were_averaged():
    config = parse_config(built_on_others())
    steps = training_data(config, model_named(config, "sts", "mixed"))
    assert steps == [("fine-tuned (srl)", ["train"]), ("fine-tuned (single)", ["train"])]


@pytest.mark.parametrize(
    ("system", "message"),
    [
        ({"start": "alnoe"}, "systems.new.start: no system 'alnoe' (did you mean 'alone'?)"),
        ({"start": {"alone": 1, "non": 1}}, "systems.new.start.non: no system 'non'"),
        ({"start": {"alone": 0}}, "systems.new.start"),
        ({"start": {}}, "systems.new.start"),
        ({"start": "new"}, "systems.new.start: is the system itself"),
        ({"start": "each"}, "'each' has one model per size: needed is one for all"),
        ({"start": "as-it-is"}, "'as-it-is' is not trained"),
        (
            {"start": "alone", "backbone": "other"},
            "'alone' has the backbone 'tiny' on track sts, this one 'other'",
        ),
        (
            {"overrides": {"sts": {"finetuning": {"teacher": {"system": "each"}}}}},
            "systems.new.overrides.sts.finetuning.teacher.system: 'each' has one model per size",
        ),
        (
            {"overrides": {"sts": {"finetuning": {"teacher": {"system": "alone", "weight": -1}}}}},
            "weight",
        ),
    ],
)
def test_what_nothing_can_be_built_on_is_refused(system, message):
    value = built_on_others(new={"objective": "srl", **system})
    with pytest.raises(InputError) as error:
        parse_config(value)
    assert message in str(error.value)


def test_systems_that_need_each_other_are_refused():
    value = built_on_others()
    value["systems"]["alone"]["start"] = "further"
    with pytest.raises(InputError, match=r"on track sts it needs itself first: .* <- "):
        parse_config(value)


def test_a_teacher_of_the_whole_track_cannot_teach_itself():
    value = built_on_others()
    value["tracks"]["sts"]["finetuning"]["teacher"] = {"system": "alone"}
    with pytest.raises(InputError) as error:
        parse_config(value)
    assert "tracks.sts.finetuning.teacher.system: is the system itself" in str(error.value)


def test_a_teacher_is_for_the_ranking_loss():
    value = built_on_others()
    value["datasets"]["graded"] = {"kind": "pairs", "source": "micro", "rows": 20}
    value["systems"]["taught"]["overrides"]["sts"]["finetuning"] |= {
        "loss": "cosent",
        "dataset": "graded",
    }
    with pytest.raises(InputError, match=r"finetuning\.teacher: is for the loss mnrl"):
        parse_config(value)
