"""`starbench score`: from a model to its scores at every size, with one command."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from starbench.config.config import Config
from starbench.config.reading import load_config, parse_config
from starbench.errors import InputError, did_you_mean
from starbench.machine.files import write_text
from starbench.machine.startup import importing
from starbench.section import slug
from starbench.sources.benchmarks import task_sections
from starbench.sources.found import found_datasets
from starbench.tracks import TRACKS

CHECKOUT = Path(__file__).parents[2]
BACKBONE = "model"
SIZE = re.compile(r"(\d+)/(\d+)")


def score_command(
    model: str,
    sizes: str,
    *,
    data: Path | None,
    configs: Sequence[Path],
    mteb: Sequence[str],
    datasets: Sequence[str],
    split: str,
    run: str | None,
    results: Path,
    writes_only: bool,
) -> int:
    """Write the config of a run that scores one model as it is, and run it.

    Args:
        model: hub repository, folder or ``package:<distribution>``.
        sizes: layers and dimensions of each size, e.g. ``1/16,2/32``.
        data: folder of the datasets.
        configs: config whose datasets are taken instead.
        mteb: tasks and benchmarks of MTEB that are taken instead.
        datasets: which of them; all that can be scored if empty.
        split: of the folder's datasets.
        run: name of the run; made of the model's if None.
        results: folder of all runs.
        writes_only: whether only the config is written.

    Returns:
        The status of Snakemake; 0 if it is not run.
    """
    value: dict[str, Any] = {
        "run": run or f"score-{slug(_short(model), 'model')}",
        "title": f"{model} at {len(sizes.split(','))} sizes",
        "results": str(results),
    }
    if data is not None:
        value["data_root"] = str(data)
    value["sizes"] = [{"layers": n, "dim": d} for n, d in _sizes(sizes)]
    value["datasets"] = _datasets(data, configs, mteb, datasets, split)
    value["backbones"] = {BACKBONE: {"checkpoint": {"name": model}}}
    value["systems"] = {
        "model": {"display": _short(model), "backbone": BACKBONE, "objective": "untouched"}
    }
    value["tracks"] = _tracks(value["datasets"])
    value["report"] = {"published": "none"}
    config = parse_config(value)
    if not writes_only:
        _check_model(config)
    path = results / config.run / "score.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, _as_yaml(value))
    print(f"{path}: the config of this run; change it there and run it with snakemake", flush=True)
    return 0 if writes_only else _run(path)


def _check_model(config: Config) -> None:
    """Raise InputError for a model that is not there or does not fit, before anything is written.

    A model of the hub is fetched into the cache of the hub's library.
    """
    with importing():
        from starbench.stages.data.checkpoints import checked_checkpoint
    checked_checkpoint(config, BACKBONE)


def _run(config: Path) -> int:
    snakefile = CHECKOUT / "Snakefile"
    if not snakefile.is_file():
        raise InputError(
            f"no Snakefile beside the package ({CHECKOUT}): run {config} with snakemake in a "
            "checkout of Starbench"
        )
    words = ["--snakefile", str(snakefile), "--configfile", str(config), "--cores", "all"]
    command = [sys.executable, "-m", "snakemake", *words, "--quiet", "rules"]
    status = subprocess.run(command, check=False).returncode
    if status == 0:
        shown = [sys.executable, "-P", "-m", "starbench", "report", "--config", str(config)]
        status = subprocess.run([*shown, "--show"], check=False).returncode
    return status


def _as_yaml(value: dict[str, Any]) -> str:
    """Return a config as a person would write it: one line per size and dataset."""
    dumped = yaml.safe_dump(
        value, sort_keys=False, allow_unicode=True, default_flow_style=None, width=1000
    )
    return str(dumped)


def _sizes(text: str) -> list[tuple[int, int]]:
    found = []
    for part in text.split(","):
        match = SIZE.fullmatch(part.strip())
        if match is None:
            raise InputError(
                f"--sizes {text}: '{part}' is not layers/dimensions; give e.g. 1/16,2/32,6/384"
            )
        found.append((int(match[1]), int(match[2])))
    return sorted(found)


def _datasets(
    data: Path | None,
    configs: Sequence[Path],
    mteb: Sequence[str],
    names: Sequence[str],
    split: str,
) -> dict[str, dict[str, Any]]:
    """Return the sections of what is scored, and of collections whose passages it shares."""
    if data is not None:
        known = found_datasets(data, split)
        scored = list(known)
    elif mteb:
        known = task_sections(mteb)
        scored = list(known)
    else:
        config = load_config(*configs)
        known = {
            name: source.model_dump(mode="json", exclude_unset=True)
            for name, source in config.datasets.items()
        }
        kinds = {track.scores for track in TRACKS.values()}
        scored = [name for name, section in known.items() if section["kind"] in kinds]
    for name in names:
        if name not in scored:
            raise InputError(f"--datasets {name}: no such dataset{did_you_mean(name, scored)}")
    chosen = list(names or scored)
    shared = [str(known[name]["corpus"]) for name in chosen if known[name].get("corpus")]
    return {name: known[name] for name in dict.fromkeys([*shared, *chosen])}


def _tracks(datasets: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    tracks = {}
    for name, track in TRACKS.items():
        tasks = [task for task, section in datasets.items() if section["kind"] == track.scores]
        if tasks:
            tracks[name] = {"tasks": tasks}
    return tracks


def _short(model: str) -> str:
    return model.removeprefix("package:").rstrip("/").rsplit("/", 1)[-1] or model
