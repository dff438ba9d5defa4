"""Checks before a run: versions, devices, data, network and disk, each with what to do."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from starbench.config.config import Config
from starbench.errors import InputError
from starbench.run.paths import RunPaths
from starbench.sources.beir import is_beir, read_beir
from starbench.stages.data.checkpoints import on_disk
from starbench.stages.data.origins import backbone_files, dataset_files, has_changed
from starbench.store.source_files import SourceFiles

Verdict = Literal["ok", "warning", "problem"]

CHECKOUT = Path(__file__).parents[2]
LOCK = Path("envs", "requirements.lock")
NAMED = 5
"""Packages that are named one by one where versions differ."""


@dataclass(frozen=True)
class Finding:
    """One line of the doctor: what was looked at, what was found, and what to do about it."""

    verdict: Verdict
    what: str
    found: str
    advice: str = ""

    def __str__(self) -> str:
        advice = f"; {self.advice}" if self.advice else ""
        return f"{self.verdict:<8} {self.what}: {self.found}{advice}"


def doctor_command(config_files: Sequence[Path], results: Path | None) -> None:
    """Print every finding; exit with status 1 if one of them is a problem."""
    config = None
    if config_files:
        from starbench.config.reading import load_config

        config = load_config(*config_files)
    verdicts = []
    for finding in findings(config, config_files, results):
        print(finding, flush=True)
        verdicts.append(finding.verdict)
    problems, warnings = verdicts.count("problem"), verdicts.count("warning")
    print(f"problems: {problems}, warnings: {warnings}")
    if problems:
        sys.exit(1)


def findings(
    config: Config | None,
    config_files: Sequence[Path],
    results: Path | None,
    checkout: Path = CHECKOUT,
) -> Iterator[Finding]:
    """Yield what is found of this machine and, with a config, of what its run needs."""
    yield check_python()
    yield check_versions(checkout)
    yield from check_commands()
    yield check_gpu(config)
    if config is not None:
        yield from check_data(config, RunPaths.of(config, results), config_files)
        yield check_disk(config, RunPaths.of(config, results))


def check_python() -> Finding:
    """Compare the running Python with what the package says it needs."""
    needed = importlib.metadata.metadata("starbench")["Requires-Python"]
    running = platform.python_version()
    if Requirement(f"python{needed}").specifier.contains(running):
        return Finding("ok", "python", running)
    return Finding("problem", "python", f"{running}, needed {needed}", "make another environment")


def check_versions(checkout: Path) -> Finding:
    """Compare the installed packages with the lock of the checkout."""
    lock = checkout / LOCK
    if not lock.is_file():
        return Finding(
            "warning",
            "versions",
            f"no {LOCK} beside the package: it is installed without its checkout",
            "results are comparable only with the versions of the lock",
        )
    try:
        differing = list(_differing(lock))
    except InputError as error:
        return Finding("problem", "versions", str(error), f"take {LOCK} of the checkout anew")
    if not differing:
        return Finding("ok", "versions", f"as in {LOCK}")
    more = f" and {len(differing) - NAMED} more" if len(differing) > NAMED else ""
    return Finding(
        "problem",
        "versions",
        f"not as in {LOCK}: {', '.join(differing[:NAMED])}{more}",
        f"pip install -r {LOCK}",
    )


def _differing(lock: Path) -> Iterator[str]:
    for package, pinned in pins(lock).items():
        try:
            installed = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            yield f"{package} missing ({pinned})"
            continue
        # torch's CPU build of 2.13.0 calls itself 2.13.0+cpu.
        if installed.split("+")[0] != pinned:
            yield f"{package} {installed} ({pinned})"


def pins(lock: Path) -> dict[str, str]:
    """Return {package: version} of a lock file; InputError for a line that pins nothing."""
    found: dict[str, str] = {}
    try:
        lines = lock.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{lock} cannot be read ({error})") from None
    for number, line in enumerate(lines, start=1):
        if not line.strip() or line.startswith("#"):
            continue
        name, equal, pinned = line.strip().partition("==")
        if not equal:
            raise InputError(f"{lock}:{number}: expected NAME==VERSION, got '{line}'")
        found[canonicalize_name(name)] = pinned
    return found


def check_commands() -> Iterator[Finding]:
    """Look for the commands that run the workflow, here and on a cluster."""
    if shutil.which("snakemake") is None:
        yield Finding(
            "problem", "snakemake", "not on the PATH", "activate the environment (.venv/bin)"
        )
    else:
        yield Finding("ok", "snakemake", importlib.metadata.version("snakemake"))
    if shutil.which("sbatch") is None:
        yield Finding("ok", "slurm", "not on this machine: jobs run here")
        return
    try:
        plugin = importlib.metadata.version("snakemake-executor-plugin-slurm")
    except importlib.metadata.PackageNotFoundError:
        yield Finding(
            "warning",
            "slurm",
            "sbatch is here, Snakemake's plugin is not",
            "pip install snakemake-executor-plugin-slurm (docs/cluster.md)",
        )
        return
    found = f"sbatch and plugin {plugin}"
    if shutil.which("sacct") is None or not _answers("sacct", "--noheader"):
        advice = "set slurm-status-command: squeue in profiles/slurm if jobs never end"
        yield Finding("warning", "slurm", f"{found}, but no accounting (sacct)", advice)
    else:
        yield Finding("ok", "slurm", found)


def _answers(*command: str) -> bool:
    try:
        return not subprocess.run(command, capture_output=True, timeout=10, check=False).returncode
    except (OSError, subprocess.TimeoutExpired):
        return False


def check_gpu(config: Config | None) -> Finding:
    """Say which GPUs PyTorch sees, and whether the config asks for any."""
    try:
        import torch
    except Exception as error:  # a build for another machine fails in ways of its own
        reason = " ".join(str(error).split())[:100]
        found = f"torch cannot be imported ({reason})"
        return Finding("problem", "gpu", found, f"pip install -r {LOCK}")

    if torch.cuda.is_available():
        named = [torch.cuda.get_device_properties(n) for n in range(torch.cuda.device_count())]
        memory = min(float(gpu.total_memory) for gpu in named)
        return Finding("ok", "gpu", f"{len(named)} x {named[0].name}, {memory / 1e9:.0f} GB")
    if "+cpu" in torch.__version__ and _answers("nvidia-smi"):
        advice = "install the build of torch with CUDA"
        return Finding("problem", "gpu", f"torch {torch.__version__} cannot use it", advice)
    if config is not None and config.compute.most_gpus:
        advice = "the config asks for GPUs: run its jobs on a cluster, or they will be slow"
        return Finding("warning", "gpu", "none is seen", advice)
    return Finding("ok", "gpu", "none is seen, and none is asked for")


def check_data(config: Config, paths: RunPaths, config_files: Sequence[Path]) -> Iterator[Finding]:
    """Look for the datasets and checkpoints of a run: fetched, on disk, or on the network."""
    from starbench.run.jobs import JobGraph

    graph = JobGraph(config, paths)
    by_source: dict[str, list[str]] = {"folder": [], "micro": [], "fetched": []}
    for name in (job.dataset for job in graph.needed_by("fetch_dataset")):
        fetched = (paths.dataset(name) / "manifest.json").is_file()
        source = "fetched" if fetched else config.datasets[name].source  # type: ignore[attr-defined]
        by_source.setdefault(source, []).append(name)
        if fetched:
            files = dataset_files(config, name)
            yield from check_fetched(f"dataset {name}", paths.dataset(name), files)
    if by_source["fetched"]:
        yield Finding("ok", "data", f"{len(by_source['fetched'])} datasets are fetched already")
    if by_source["folder"]:
        yield from check_folders(config, by_source["folder"])
    local = ("folder", "micro", "fetched")
    online = [name for source, names in by_source.items() if source not in local for name in names]
    for name in (job.backbone for job in graph.needed_by("fetch_checkpoint")):
        checkpoint = config.backbones[name].checkpoint
        assert checkpoint is not None
        if (paths.checkpoint(name) / "manifest.json").is_file():
            files = backbone_files(config, name)
            yield from check_fetched(f"backbone {name}", paths.checkpoint(name), files)
            continue
        try:
            if on_disk(checkpoint) is None:
                online.append(name)
        except InputError as error:
            yield Finding("problem", f"backbone {name}", str(error))
    yield check_network(online, config_files)


def check_fetched(what: str, folder: Path, files: list[Path] | None) -> Iterator[Finding]:
    """Say whether the local files that something was fetched from are still the same."""
    try:
        recorded = SourceFiles.recorded_in(folder)
    except InputError as error:
        yield Finding("problem", what, str(error))
        return
    if files is None:
        yield Finding("ok", what, "its files are out of reach: what was fetched is used")
    elif has_changed(folder, files):
        found = "its files have changed since it was fetched"
        yield Finding("warning", what, found, "the run fetches it again, and makes what follows")
    elif files and recorded is None:
        found = "fetched without a record of its files: changes in them are not noticed"
        advice = f"remove {folder} to fetch it again"
        yield Finding("warning", what, found, advice)


def check_folders(config: Config, names: list[str]) -> Iterator[Finding]:
    """Look for datasets of source `folder` below the data root."""
    root = config.resolved_data_root()
    if root is None or not root.is_dir():
        what = f"{root} is not a folder" if root else "the config and STARBENCH_DATA name none"
        advice = "set STARBENCH_DATA, or data_root in the config, to the folder of the data"
        yield Finding("problem", "data root", what, advice)
        return
    missing = 0
    for name in names:
        try:
            _open(config.datasets[name], root)
        except InputError as error:
            missing += 1
            yield Finding("problem", f"dataset {name}", str(error))
    if missing < len(names):
        yield Finding("ok", "data root", f"{len(names) - missing} datasets are in {root}")


def _open(source: Any, root: Path) -> None:
    """Raise InputError for a dataset whose files are not there; nothing of them is read."""
    if source.kind == "collection" or is_beir(root / source.name):
        read_beir(root / source.name, source.split, with_passages=source.corpus is None)
    else:
        source.path(root)


def check_network(online: list[str], config_files: Sequence[Path]) -> Finding:
    """Say what must still come from the network, and whether it may."""
    if not online:
        return Finding("ok", "network", "nothing is to be fetched")
    what = f"{', '.join(online[:NAMED])}{' ...' if len(online) > NAMED else ''} to be fetched"
    files = " ".join(shlex.quote(str(file)) for file in config_files)
    command = f"snakemake data --configfile {files}"
    if os.environ.get("HF_HUB_OFFLINE", "").upper() in ("1", "TRUE", "YES", "ON"):
        advice = f"unset HF_HUB_OFFLINE and run {command} where there is a network"
        return Finding("problem", "network", f"HF_HUB_OFFLINE is set, but {what}", advice)
    return Finding("warning", "network", what, f"{command} fetches it beforehand")


def check_disk(config: Config, paths: RunPaths) -> Finding:
    """Compare the free disk with what the plan of the run needs."""
    from starbench.planning.devices import device_named
    from starbench.planning.plan import in_bytes, make_plan

    # What is stored does not depend on the device, only what passes on how many jobs run at once.
    gpus = config.compute.most_gpus
    device = device_named("h100" if gpus else "laptop-core")
    try:
        plan = make_plan(config, paths, device, gpus or os.cpu_count(), {})
    except InputError as error:
        return Finding("warning", "disk", f"the run cannot be planned: {error}")
    root = paths.root.resolve()
    folder = next(path for path in (root, *root.parents) if path.is_dir())
    there = sum(path.stat().st_size for path in paths.root.rglob("*") if path.is_file())
    free, needed = shutil.disk_usage(folder).free, max(0.0, plan.disk - there)
    found = f"{in_bytes(free)} free, the plan needs {in_bytes(needed)}"
    if needed > free:
        return Finding("problem", "disk", found, "free some, or put results/ on a larger disk")
    return Finding("ok", "disk", found)
