"""What the fine-tuning of each system took: steps, time and multiply-adds of all its models."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from starbench.config.config import Config
from starbench.config.escapes import in_markdown
from starbench.run.jobs import FINISHED
from starbench.run.models import models_of
from starbench.run.paths import RunPaths
from starbench.stages.report.groups import system_name
from starbench.store.manifest import read_manifest

Effort = dict[str, float | None]
Trainings = dict[str, dict[str, Effort]]
"""{track: {system: what its trainings took}}"""


def trainings(config: Config, paths: RunPaths) -> Trainings:
    """Return, from the manifests of a run's models, what the trainings of its systems took.

    Values are of all models of a system together, and means over the seeds: `models`, `steps`,
    `seconds` and `multiply_adds`. The seconds are those of the steps alone; of a training that was
    interrupted they are told by its last part. None stands for what a model of an older version
    does not tell. A seed counts if all the system's models of it are there. A system without such a
    seed is left out, and so is one that is not trained.
    """
    found: Trainings = {}
    for track in config.tracks:
        for system in config.systems:
            effort = _effort(config, paths, track, system)
            if effort is not None:
                found.setdefault(track, {})[system] = effort
    return found


def trainings_table(found: Trainings, config: Config) -> Iterator[str]:
    """Yield the lines of a Markdown table of `trainings`."""
    yield "| System | Track | Models | Steps | Hours | Multiply-adds, 10^12 |"
    yield "|---|---|---:|---:|---:|---:|"
    for track, systems in found.items():
        for system, effort in systems.items():
            name = in_markdown(system_name(config, system))
            counts = f"{effort['models']:.0f} | {effort['steps']:,.0f}"
            hours = _shown(effort["seconds"], 3600, 3)
            work = _shown(effort["multiply_adds"], 1e12, 2)
            yield f"| {name} | {track} | {counts} | {hours} | {work} |"


def _effort(config: Config, paths: RunPaths, track: str, system: str) -> Effort | None:
    models = [
        model
        for model in models_of(config, track)
        if model.objective.trains and system in (model.system, *model.shared)
    ]
    folders = [[paths.model(track, model.name, seed) for model in models] for seed in config.seeds]
    whole = [of_seed for of_seed in folders if all((f / FINISHED).is_file() for f in of_seed)]
    if not models or not whole:
        return None
    made = [read_manifest(folder) for of_seed in whole for folder in of_seed]
    seeds = len(whole)
    return {
        "models": len(models),
        "steps": sum(manifest["steps"] for manifest in made) / seeds,
        "seconds": _sum([_seconds(manifest) for manifest in made], seeds),
        "multiply_adds": _sum([_multiply_adds(manifest) for manifest in made], seeds),
    }


def _seconds(manifest: dict[str, Any]) -> float | None:
    steps = manifest.get("loop_steps")
    return manifest["loop_s"] / steps * manifest["steps"] if steps else None


def _multiply_adds(manifest: dict[str, Any]) -> float | None:
    a_step = manifest.get("step_multiply_adds")
    return a_step * manifest["steps"] if a_step else None


def _sum(values: list[float | None], seeds: int) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / seeds if len(known) == len(values) else None


def _shown(value: float | None, unit: float, digits: int) -> str:
    return "not told" if value is None else f"{value / unit:,.{digits}f}"
