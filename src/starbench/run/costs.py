"""What is measured of a run: of which models, on which datasets, and what it depends on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starbench.config.measure import Measure
from starbench.plugins.found import recorded
from starbench.run.models import Model, all_models
from starbench.run.plugins import family_plugin
from starbench.run.slices import text_set_slice
from starbench.run.texts import TextSet, passage_sets, sets_of
from starbench.tracks import TRACKS

if TYPE_CHECKING:
    from starbench.config.config import Config


def measuring_of(config: Config) -> Measure:
    """Return the section `measure`, or its defaults where the config has none."""
    return config.measure or Measure()


def measured_models(config: Config) -> list[Model]:
    """Return the models that the section `measure` asks for; none without the section.

    A model that stands for the full size of other systems is measured for any of these.
    """
    if config.measure is None:
        return []
    systems, tracks = config.measure.systems, config.measure.tracks
    return [
        model
        for model in all_models(config)
        if tracks is None or model.track in tracks
        if systems is None or {model.system, *model.shared} & set(systems)
    ]


def measured_seed(model: Model) -> int:
    """Return the seed whose model is measured: no cost depends on the seed."""
    return model.seeds[0]


def timed_datasets(config: Config, track: str) -> list[str]:
    """Return the datasets of a track whose texts are timed."""
    scored, asked = config.tracks[track].scored, measuring_of(config).datasets
    return scored[:1] if asked is None else [name for name in scored if name in asked]


def timed_sets(config: Config, track: str) -> list[TextSet]:
    """Return the sets of texts whose encoding is timed; of passages the first shard stands for all.

    Collections that share their passages give them once.
    """
    sets = [
        texts for name in timed_datasets(config, track) for texts in sets_of(config, track, name)
    ]
    return list(dict.fromkeys(texts for texts in sets if texts.shard == 1))


def searched_sets(config: Config, track: str) -> list[TextSet]:
    """Return every set of texts whose embeddings are read to time searches; none of pairs."""
    if not TRACKS[track].searches:
        return []
    names = timed_datasets(config, track)
    queries = [TextSet(name, "queries") for name in names]
    passages = [texts for name in names for texts in passage_sets(config, name)]
    return list(dict.fromkeys([*queries, *passages]))


def measure_slice(config: Config, model: Model) -> dict[str, Any]:
    """Return the part of the config that a model's costs depend on, as JSON values."""
    given = measuring_of(config)
    sets = timed_sets(config, model.track)
    part: dict[str, Any] = {
        "measured": [f"{system} {size}" for system, size in model.scored()],
        "datasets": timed_datasets(config, model.track),
        "texts": {texts.folder: _read_as(config, model, texts) for texts in sets},
        **given.model_dump(exclude={"systems", "tracks", "datasets", "texts"}),
        "texts_of_a_round": given.texts,
        **recorded(family_plugin(config, model.backbone)),
    }
    if TRACKS[model.track].searches:
        part["depth"] = config.tracks[model.track].searching.depth
    return part


def _read_as(config: Config, model: Model, texts: TextSet) -> dict[str, Any]:
    """Return how long texts of a set may be, and what is put before them."""
    part = text_set_slice(config, model, texts.dataset, texts.part)
    key = "query_max_length" if texts.part == "queries" else "max_length"
    return {"max_length": part[key]} | ({"prompt": part["prompt"]} if "prompt" in part else {})
