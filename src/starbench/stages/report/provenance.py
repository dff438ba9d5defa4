"""The manifest of a whole run: what it was made with, from and on, and what it cost."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Any

from starbench.config.config import Config
from starbench.errors import InputError
from starbench.machine.files import sha256_of, sha256_of_json, write_json
from starbench.machine.hardware import hardware
from starbench.run.jobs import FINISHED, JobGraph
from starbench.run.models import models_of
from starbench.run.paths import RunPaths
from starbench.run.plugins import plugins_of
from starbench.stages.report.trainings import trainings
from starbench.store.manifest import REMOVE_IT, git_commit, installed_versions, read_manifest
from starbench.store.train_log import LOG_FILE, read_log

HASH_DIGITS = 12
"""Digits of the manifest's SHA-256 that tables carry."""


def write_manifest(config: Config, paths: RunPaths) -> tuple[dict[str, Any], str]:
    """Write ``manifest.json`` of a run; return it and the digits that tables carry."""
    path = paths.root / "manifest.json"
    manifest = run_manifest(config, paths)
    write_json(path, manifest)
    return manifest, sha256_of(path)[:HASH_DIGITS]


def run_manifest(config: Config, paths: RunPaths) -> dict[str, Any]:
    """Return what a run was made with, from the manifests of all its finished stages."""
    parsed = config.model_dump(mode="json")
    found = {
        name: _job(parts)
        for name, parts in _folders(config, paths).items()
        if (parts[0] / FINISHED).is_file()
    }
    commit = git_commit()
    return {
        "run": config.run,
        "config": parsed,
        "config_sha256": sha256_of_json(parsed),
        "git": {
            "commit": commit and commit.removesuffix("-dirty"),
            "dirty": commit is not None and commit.endswith("-dirty"),
        },
        "versions": installed_versions(),
        **({"plugins": plugins} if (plugins := plugins_of(config)) else {}),
        "reported_on": hardware(),
        "data": {
            name: read_manifest(paths.dataset(name))["files"]
            for name in config.datasets
            if (paths.dataset(name) / "manifest.json").is_file()
        },
        "fetched": _fetched(config, paths),
        "scores_sha256": sha256_of(paths.all_scores),
        "stages": _by_stage(found),
        "trainings": trainings(config, paths),
        "jobs": found,
    }


def _fetched(config: Config, paths: RunPaths) -> dict[str, dict[str, Any]]:
    """Return the hub's commits that data came from, and what was odd about them, if anything."""
    folders = {f"data/{name}": paths.dataset(name) for name in config.datasets}
    folders |= {f"checkpoints/{name}": paths.checkpoint(name) for name in config.backbones}
    found = {}
    for name, folder in folders.items():
        if (folder / "manifest.json").is_file():
            manifest = read_manifest(folder)
            facts = {key: manifest[key] for key in ("commits", "findings") if manifest.get(key)}
            if facts:
                found[name] = facts
    return found


def _folders(config: Config, paths: RunPaths) -> dict[str, list[Path]]:
    """Return for each job that makes a folder, by that folder within the run, its parts.

    A job that embeds or scores several datasets has a part, with a manifest, for each of them.
    """
    jobs = [job for job in JobGraph(config, paths).jobs if job.outputs[0].name == FINISHED]
    own = {job.outputs[0].parent for job in jobs} - {paths.root}
    found = {}
    for folder in (job.outputs[0].parent for job in jobs):
        if folder in own:
            others = [other for other in own if folder in other.parents]
            parts = [
                part
                for part in _parts(folder)
                if part not in others and not any(other in part.parents for other in others)
            ]
            found[str(folder.relative_to(paths.root))] = parts or [folder]
    return found


def _parts(folder: Path) -> list[Path]:
    """Return the folders with manifests below one whose own manifest only lists them."""
    return sorted(path.parent for path in folder.rglob("*/manifest.json"))


def _job(parts: list[Path]) -> dict[str, Any]:
    """Return what a job was made on and what it cost, all its parts together."""
    manifests = [read_manifest(part) for part in parts]
    kept = ["stage", "hardware", "machine", "git"]
    kept += ["skipped_steps"] if manifests[0].get("skipped_steps") else []
    found = {key: manifests[0][key] for key in kept if manifests[0].get(key) is not None}
    energy = _sum([manifest.get("energy_j") for manifest in manifests])
    return {
        **found,
        "wall_s": round(sum(manifest["wall_s"] for manifest in manifests), 1),
        "peak_memory_mib": max(manifest["peak_memory_mib"] for manifest in manifests),
        **({} if energy is None else {"energy_j": energy}),
    }


def _by_stage(jobs: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return for each stage: jobs, their wall time and energy in all, their highest memory."""
    stages: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for job in jobs.values():
        stages[job["stage"]].append(job)
    return {
        stage: {
            "jobs": len(found),
            "wall_s": round(sum(job["wall_s"] for job in found), 1),
            "peak_memory_mib": max(job["peak_memory_mib"] for job in found),
            "energy_j": _sum([job.get("energy_j") for job in found]),
        }
        for stage, found in stages.items()
    }


def _sum(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return round(sum(known), 1) if len(known) == len(values) else None


def losses(config: Config, paths: RunPaths) -> dict[str, list[float]]:
    """Return the logged losses of everything the run trained, by its path within the run."""
    logged = {}
    for name, (folder, *_) in _folders(config, paths).items():
        log = folder / LOG_FILE
        if log.is_file():
            entries = [entry.get("loss") for entry in read_log(log)]
            logged[name] = [float(loss) for loss in entries if isinstance(loss, int | float)]
    return logged


def skipped_steps(config: Config, paths: RunPaths) -> dict[str, tuple[int, int]]:
    """Return {what was trained: (skipped steps, all steps)} where a training skipped some."""
    found = {}
    for name, (folder, *_) in _folders(config, paths).items():
        if (folder / LOG_FILE).is_file() and (folder / "manifest.json").is_file():
            manifest = read_manifest(folder)
            if skipped := manifest.get("skipped_steps", 0):
                found[name] = (skipped, manifest["steps"])
    return found


def masked_losses(config: Config, paths: RunPaths) -> dict[str, tuple[float, float]]:
    """Return {backbone: its last masked-language loss, that of token frequencies}, in nats."""
    found = {}
    for name, (folder, *_) in _folders(config, paths).items():
        if (folder / "manifest.json").is_file():
            manifest = read_manifest(folder)
            loss, of_frequencies = manifest.get("full_mlm_loss"), manifest.get("frequency_loss")
            if loss is not None and of_frequencies is not None:
                found[name] = (loss, of_frequencies)
    return found


def overrides(config: Config, paths: RunPaths) -> dict[tuple[str, str, str], list[tuple[str, str]]]:
    """Return where the config's pooling or similarity goes before the checkpoint's own.

    {(key, what the checkpoint says, what the config says): [(system, track)]}
    """
    found: dict[tuple[str, str, str], list[tuple[str, str]]] = defaultdict(list)
    for track in config.tracks:
        for model in models_of(config, track):
            folders = [paths.model(track, model.name, seed) for seed in model.seeds]
            made = [read_manifest(folder) for folder in folders if (folder / FINISHED).is_file()]
            for manifest in made:
                for key, (own, asked) in manifest.get("overridden", {}).items():
                    case = model.system, track
                    if case not in found[key, own, asked]:
                        found[key, own, asked].append(case)
    return found


def constants(config: Config, paths: RunPaths) -> list[tuple[str, str, str]]:
    """Return (model, cell, dataset) of what has the same embedding for all texts."""
    return [
        (model.name, cell, folder.name)
        for track in config.tracks
        for model in models_of(config, track)
        for seed in model.seeds
        for folder in _parts(paths.scores(track, model.name, seed))
        for cell in read_manifest(folder).get("constant", [])
    ]


def coding(config: Config, paths: RunPaths) -> dict[tuple[str, str, str], int]:
    """Return where codes lose dimensions or texts, and how many.

    {(model, representation and cell, dataset): how many}
    """
    return {
        (model.name, case, folder.name): count
        for track in config.tracks
        for model in models_of(config, track)
        for seed in model.seeds
        for folder in _parts(paths.bits(track, model.name, seed))
        for case, count in read_manifest(folder).get("coding", {}).items()
    }


def titles(config: Config, paths: RunPaths) -> dict[str, float]:
    """Return the share of passages with a title, of every fetched dataset that has passages."""
    shares = {}
    for name in config.datasets:
        if (paths.dataset(name) / "manifest.json").is_file():
            manifest = read_manifest(paths.dataset(name))
            counts = manifest.get("titles")
            if counts:
                passages, titled = counts.get("passages"), counts.get("titled")
                if type(passages) is not int or type(titled) is not int or passages < 1:
                    raise InputError(
                        f"{paths.dataset(name) / 'manifest.json'} is damaged: its 'titles' count "
                        f"no passages; {REMOVE_IT}"
                    )
                shares[name] = titled / passages
    return shares
