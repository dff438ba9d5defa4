"""A run's jobs follow from its config."""

from pathlib import Path

import pytest
import yaml

from starbench.config.reading import parse_config
from starbench.errors import InputError
from starbench.run.jobs import JobGraph
from starbench.run.paths import RunPaths
from starbench.run.reads import READS
from starbench.run.slices import pretraining_slice
from tests.unit.runs import tiny_value

TINY = Path(__file__).parents[2] / "workflow" / "tiny.yaml"


def graph(**changes) -> JobGraph:
    config = parse_config(yaml.safe_load(TINY.read_text(encoding="utf-8")) | changes)
    return JobGraph(config, RunPaths.of(config))


def backbones_of(made: JobGraph) -> list[str]:
    """Return the backbones that the report needs, fetched or trained."""
    rules = ("fetch_checkpoint", "pretrain_backbone")
    return [job.backbone for job in made.needed if job.rule in rules]


def test_a_backbone_that_only_one_track_uses_is_used():
    overrides = {"retrieval": {"backbone": "base-smae"}}
    system = {"backbone": "base", "objective": "untouched", "overrides": overrides}
    assert backbones_of(graph(systems={"base": system})) == ["base", "base-smae"]


def test_a_backbone_that_every_track_replaces_is_not_used():
    backbones = {
        "one": {"checkpoint": {"name": "nowhere/one"}},
        "two": {"checkpoint": {"name": "nowhere/two"}},
    }
    overrides = {track: {"backbone": "two"} for track in ("sts", "retrieval")}
    system = {"backbone": "one", "objective": "untouched", "overrides": overrides}
    assert backbones_of(graph(backbones=backbones, systems={"a": system})) == ["two"]


def test_each_input_is_made_by_a_job_that_comes_before():
    made: set[Path] = set()
    for job in graph().needed:
        assert made.issuperset(job.inputs), job
        assert made.isdisjoint(job.outputs), job
        made.update(job.outputs)


def test_a_dataset_that_nothing_reads_can_be_fetched_but_is_not_needed():
    unread = {"kind": "pairs", "source": "micro", "rows": 10}
    datasets = yaml.safe_load(TINY.read_text(encoding="utf-8"))["datasets"]
    made = graph(datasets=datasets | {"unread": unread})
    job = made.job("fetch_dataset", {"run": "tiny", "dataset": "unread"})
    assert job.outputs == (Path("results/tiny/data/unread/manifest.json"),)
    assert job not in made.needed


def test_what_the_run_has_not_has_no_job():
    wildcards = {"run": "tiny", "track": "sts", "model": "starbucks", "seed": "43"}
    with pytest.raises(InputError, match=r"no job finetune_model for .*seed 43"):
        graph().job("finetune_model", wildcards)


def test_every_rule_but_those_that_put_results_together_says_what_it_reads():
    backbones = {"one": {"checkpoint": {"name": "nowhere/one"}}}
    fetched = graph(backbones=backbones, systems={"a": {"backbone": "one", "objective": "srl"}})
    rules = {job.rule for job in [*graph().jobs, *fetched.jobs]}
    assert rules - READS.keys() == {"collect_scores", "draw_report"}


def test_a_model_that_no_seed_changes_is_made_once():
    systems = {
        "as-it-is": {"backbone": "tiny", "objective": "untouched"},
        "trained": {"backbone": "tiny", "objective": "srl"},
    }
    config = parse_config(tiny_value(systems=systems, seeds=[5, 6]))
    made = JobGraph(config, RunPaths.of(config))
    for rule in ("finetune_model", "embed_texts", "score_model"):
        jobs = [(job.model.name, job.seed) for job in made.needed_by(rule)]
        assert jobs == [("as-it-is", 5), ("trained", 5), ("trained", 6)]


def test_an_untouched_backbone_that_is_trained_here_is_another_for_each_seed():
    made = graph(seeds=[5, 6])
    jobs = [job.seed for job in made.needed_by("score_model") if job.model.name == "base"]
    assert jobs == [5, 6, 5, 6]


def with_seeded(**pretraining):
    """The tiny run with three seeds, whose second backbone is made with one of them."""
    value = yaml.safe_load(TINY.read_text(encoding="utf-8"))
    value["seeds"] = [42, 43, 44]
    value["backbones"]["base-smae"]["pretraining"] |= pretraining
    return value


def test_a_backbone_with_a_seed_of_its_own_is_made_once_for_the_models_of_all_seeds():
    made = graph(**with_seeded(seed=43))
    trained = [job for job in made.needed if job.rule == "pretrain_backbone"]
    assert [(job.backbone, job.seed) for job in trained] == [
        ("base", 42), ("base", 43), ("base", 44), ("base-smae", 43),
    ]  # fmt: skip
    read = {
        (job.seed, str(path))
        for job in made.needed_by("finetune_model")
        for path in job.inputs
        if job.model.system == "starbucks" and "backbones" in str(path)
    }
    path = "results/tiny/backbones/base-smae/seed-43/manifest.json"
    assert read == {(42, path), (43, path), (44, path)}


def test_an_untouched_backbone_with_a_seed_of_its_own_is_scored_once():
    value = with_seeded(seed=43)
    value["systems"] = {"base": {"backbone": "base-smae", "objective": "untouched"}}
    models = graph(**value).needed_by("finetune_model")
    assert [(job.model.track, job.seed) for job in models] == [("sts", 43), ("retrieval", 43)]


def test_a_seed_of_a_backbone_that_is_none_of_the_run_is_refused():
    with pytest.raises(InputError, match=r"pretraining\.seed: the run has no seed 7"):
        graph(**with_seeded(seed=7))


def test_a_seed_of_a_backbone_changes_nothing_of_what_it_is_made_with():
    one, other = graph(**with_seeded(seed=43)), graph(**with_seeded())
    found = [pretraining_slice(made.config, "base-smae", 43) for made in (one, other)]
    assert found[0] == found[1]


def test_a_backbone_of_another_run_is_read_there_and_not_made():
    value = yaml.safe_load(TINY.read_text(encoding="utf-8"))
    value["backbones"]["base-smae"]["run"] = "other"
    value["seeds"] = [42, 43]
    made = graph(**value)
    assert {job.backbone for job in made.jobs if job.rule == "pretrain_backbone"} == {"base"}
    read = {
        str(path)
        for job in made.needed_by("finetune_model")
        for path in job.inputs
        if job.model.system == "starbucks" and "backbones" in str(path)
    }
    folder = "results/other/backbones/base-smae"
    assert read == {f"{folder}/seed-42/manifest.json", f"{folder}/seed-43/manifest.json"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"run": "tiny"}, r"backbones\.base-smae\.run: names this run itself"),
        (
            {"run": "other", "pretraining": None, "start": None, "checkpoint": {"name": "./x"}},
            r"backbones\.base-smae\.run: is for backbones with `pretraining`",
        ),
    ],
)
def test_a_backbone_that_another_run_cannot_have_made_is_refused(change, message):
    value = yaml.safe_load(TINY.read_text(encoding="utf-8"))
    value["backbones"]["base-smae"] |= change
    with pytest.raises(InputError, match=message):
        graph(**value)


def test_a_cut_that_is_fitted_reads_the_training_data_when_texts_are_embedded():
    value = yaml.safe_load(TINY.read_text(encoding="utf-8"))
    value["systems"]["starbucks"]["cut"] = "pca"
    made = graph(**value).needed
    read = {
        job.model.system: {path.parent.name for path in job.inputs}
        for job in made
        if job.rule == "embed_texts" and job.model.track == "sts"
    }
    assert "entailments" in read["starbucks"]
    assert "entailments" not in read["base-2dmse"]
