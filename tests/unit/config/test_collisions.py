"""Names that would meet in a path or a table are refused when the config is read."""

from pathlib import Path

import pytest
import yaml

from starbench.config.reading import load_config, parse_config
from starbench.errors import InputError
from starbench.run.models import all_models
from starbench.stages.report.products import figure_names, table_names

ROOT = Path(__file__).parents[3]
TINY = ROOT / "tests/workflow/tiny.yaml"


def tiny(change) -> dict:
    value = yaml.safe_load(TINY.read_text())
    change(value)
    return value


def system(name, **keys):
    return lambda value: value["systems"].update({name: {"backbone": "base", **keys}})


def separate_beside(name, other="separate"):
    def change(value):
        system("x", objective=other)(value)
        system(name, objective="srl")(value)

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (system("bm25", objective="srl"), "systems.bm25: 'bm25' is what the scores of BM25"),
        (
            separate_beside("x-n1-d8"),
            "systems.x-n1-d8: 'x-n1-d8' is what a model of system 'x' is called",
        ),
        (
            system("again", objective="srl", display="Starbucks"),
            "systems.again.display: tables show 'starbucks' as 'Starbucks' already",
        ),
        (system("floor", objective="srl", display="BM25"), "tables show 'BM25' as 'BM25' already"),
        (
            lambda value: value["datasets"]["archive"].update(display="library"),
            "datasets.archive.display: tables show 'library' as 'library' already",
        ),
        *(
            (lambda value, run=run: value.update(run=run), f"run: results/{run} is for")
            for run in ("bench", "reference", "slurm-logs", "test-cluster")
        ),
    ],
)
def test_a_name_that_is_taken_is_refused(change, message):
    with pytest.raises(InputError) as error:
        parse_config(tiny(change))
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_the_file_and_line_are_named(tmp_path):
    file = tmp_path / "run.yaml"
    file.write_text(TINY.read_text().replace("run: tiny", "run: bench"))
    with pytest.raises(InputError, match=r"run\.yaml:2: run: results/bench is for"):
        load_config(file)


@pytest.mark.parametrize(
    "change",
    [
        separate_beside("x-n1-d8", other="srl"),
        separate_beside("x-n1"),
        separate_beside("y-n1-d8"),
        lambda value: value["datasets"]["stories"].update(display="library"),
    ],
)
def test_names_that_only_look_alike_are_left_alone(change):
    config = parse_config(tiny(change))
    models = [(model.track, model.name) for model in all_models(config)]
    assert len(set(models)) == len(models)


@pytest.mark.parametrize("path", sorted((ROOT / "config").glob("*.yaml")), ids=lambda p: p.stem)
def test_the_jobs_tables_and_figures_of_each_config_have_names_of_their_own(path):
    config = load_config(path)
    models = [(model.track, model.name) for model in all_models(config)]
    for names in (models, table_names(config), figure_names(config)):
        assert len(set(names)) == len(names)
