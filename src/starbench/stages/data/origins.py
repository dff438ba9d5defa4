"""Which local files a dataset or a checkpoint comes from, and what stands for their contents."""

from __future__ import annotations

from pathlib import Path

from starbench.config.config import Config
from starbench.errors import InputError
from starbench.run.jobs import Job
from starbench.run.paths import RunPaths
from starbench.stages.data.checkpoints import checkpoint_files
from starbench.store.source_files import SourceFiles, stamp_of


def dataset_stamp(config: Config, paths: RunPaths, name: str) -> str | None:
    """Return what stands for the contents of a dataset's files; None without local files.

    Files that are out of reach change nothing: what was fetched from them is used.
    """
    return _stamp(paths.dataset(name), dataset_files(config, name))


def checkpoint_stamp(config: Config, paths: RunPaths, backbone: str) -> str | None:
    """Return the same of a backbone's checkpoint."""
    return _stamp(paths.checkpoint(backbone), backbone_files(config, backbone))


def stamps(config: Config, paths: RunPaths, job: Job) -> dict[str, str]:
    """Return what stands for the contents of the local files that a job fetches, if any: `files`.

    A job's other dependences are `starbench.run.reads.reads`.
    """
    stamp = None
    if job.rule == "fetch_dataset":
        stamp = dataset_stamp(config, paths, job.dataset)
    elif job.rule == "fetch_checkpoint":
        stamp = checkpoint_stamp(config, paths, job.backbone)
    return {"files": stamp} if stamp else {}


def dataset_files(config: Config, name: str) -> list[Path] | None:
    """Return the local files of a dataset; None if they are out of reach."""
    try:
        return config.datasets[name].files(config.resolved_data_root())
    except InputError:
        return None


def backbone_files(config: Config, backbone: str) -> list[Path] | None:
    """Return the local files of a backbone's checkpoint; None if they are out of reach."""
    checkpoint = config.backbones[backbone].checkpoint
    assert checkpoint is not None
    try:
        return checkpoint_files(checkpoint)
    except InputError:
        return None


def has_changed(folder: Path, files: list[Path] | None) -> bool:
    """Whether a finished folder was made from other contents than its files have."""
    recorded = SourceFiles.recorded_in(folder)
    return bool(files) and recorded is not None and not recorded.unchanged(files or [])


def _stamp(folder: Path, files: list[Path] | None) -> str | None:
    if files is not None:
        return stamp_of(folder, files)
    recorded = SourceFiles.recorded_in(folder)
    return recorded.stamp if recorded else None
