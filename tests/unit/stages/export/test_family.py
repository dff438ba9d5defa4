"""Licences of checkpoints and scores of a family, as a card tells them."""

import pytest

from starbench.config.reading import parse_config
from starbench.errors import InputError
from starbench.run.models import models_of
from starbench.run.paths import RunPaths
from starbench.sizes import Size
from starbench.stages.export.family import family_scores, licence_of
from starbench.store.manifest import Stage
from starbench.store.scores import Score, write_scores
from tests.unit.runs import tiny_value


def test_the_licence_is_what_the_fetched_checkpoint_was_found_with(tmp_path):
    paths = RunPaths(tmp_path)
    folder = paths.checkpoint("tiny")
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    stage = Stage("data", 1, {}, [])
    stage.finish(folder, ["config.json"])
    assert licence_of(paths, "tiny") is None
    stage.finish(folder, ["config.json"], licence="mit")
    assert licence_of(paths, "tiny") == "mit"


def scored(path, values):
    write_scores(
        path,
        [
            Score("tiny-srl", seed, Size(*size), "sts", "test", metric, value, 40)
            for seed, size, metric, value in values
        ],
    )


def test_scores_are_those_of_the_system_the_seed_and_the_shown_measure(tmp_path):
    config = parse_config(tiny_value(seeds=[1, 2]))
    (model,) = models_of(config, "sts")
    paths = RunPaths(tmp_path)
    assert family_scores(config, paths, model, 1) is None
    scored(
        paths.all_scores,
        [
            (1, (1, 4), "cosine_spearman", 0.25),
            (2, (1, 4), "cosine_spearman", 0.75),
            (1, (1, 4), "cosine_pearson", 0.5),
            (1, (1, 8), "cosine_spearman", 0.6),
        ],
    )
    found = family_scores(config, paths, model, 1)
    assert found == {"n1-d4": {"test": 0.25}, "n2-d8": {}, "n4-d16": {}}


def test_scores_that_are_damaged_are_one_line(tmp_path):
    config = parse_config(tiny_value())
    (model,) = models_of(config, "sts")
    paths = RunPaths(tmp_path)
    paths.all_scores.write_text("system,seed\ntiny-srl,1\n")
    with pytest.raises(InputError, match=r"scores\.csv is damaged \('track'\)"):
        family_scores(config, paths, model, 1)
