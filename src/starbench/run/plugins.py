"""Which plugins a run uses, and for what."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from starbench.config.lengths import origin_of
from starbench.encoders.families import FAMILIES
from starbench.objectives import OBJECTIVES, PRETRAINING_OBJECTIVES
from starbench.plugins.found import Plugin
from starbench.run.measured import measure_plugins, more_measures
from starbench.sources import SOURCES
from starbench.tracks import TRACKS

if TYPE_CHECKING:
    from starbench.config.config import Config


def family_plugin(config: Config, backbone: str) -> Plugin | None:
    """Return the plugin that brings the family of a backbone; None for Starbench's own."""
    checkpoint = config.backbones[origin_of(config, backbone)].checkpoint
    return None if checkpoint is None else FAMILIES.plugin(checkpoint.family)


def plugins_of(config: Config) -> dict[str, dict[str, str]]:
    """Return {kind and name: package, version and hash of the source} of every plugin of a run."""
    used = dict.fromkeys(plugin for plugin in _used(config) if plugin is not None)
    return {f"{plugin.kind}: {plugin.name}": plugin.facts() for plugin in used}


def _used(config: Config) -> Iterator[Plugin | None]:
    for source in config.datasets.values():
        yield SOURCES.plugin(getattr(source, "source", None))
    for name, backbone in config.backbones.items():
        yield family_plugin(config, name)
        if backbone.pretraining is not None:
            yield PRETRAINING_OBJECTIVES.plugin(backbone.pretraining.objective)
    for system in config.systems.values():
        yield OBJECTIVES.plugin(system.objective)
    for track, section in config.tracks.items():
        yield TRACKS.plugin(track)
        for dataset in section.scored:
            yield from measure_plugins(more_measures(config, track, dataset))
