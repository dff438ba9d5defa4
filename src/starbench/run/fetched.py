"""What was fetched: the commits that it came from, and whether it is what a config asks for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from starbench.config.config import Config
from starbench.run.paths import RunPaths
from starbench.sources import contents_slice
from starbench.sources.source import Commits
from starbench.store.manifest import read_manifest


def dataset_slice(config: Config, paths: RunPaths, name: str) -> dict[str, Any]:
    """Return what a dataset's records depend on, as JSON values.

    A config that names the commits that a fetched dataset came from asks for nothing else than
    one that names the branches which stood for them: `starbench data --pin` makes nothing anew.
    """
    return _as_fetched(contents_slice(config.datasets[name]), paths.dataset(name))


def checkpoint_slice(config: Config, paths: RunPaths, backbone: str) -> dict[str, Any]:
    """Return what a fetched checkpoint depends on, as `dataset_slice` does."""
    checkpoint = config.backbones[backbone].checkpoint
    assert checkpoint is not None
    return _as_fetched(checkpoint.contents_slice(), paths.checkpoint(backbone))


def commits_of(wanted: dict[str, Any], folder: Path) -> Commits | None:
    """Return the commits that fetched data came from; None if there are no such data.

    Args:
        wanted: what the data should depend on.
        folder: where they would be.
    """
    if not (folder / "manifest.json").is_file():
        return None
    manifest = read_manifest(folder, "data")
    commits: Commits | None = manifest.get("commits")
    if commits is None or wanted not in (manifest["config"], _at(commits, manifest["config"])):
        return None
    return commits


def _as_fetched(wanted: dict[str, Any], folder: Path) -> dict[str, Any]:
    if commits_of(wanted, folder) is None:
        return wanted
    return dict(read_manifest(folder)["config"])


def _at(commits: Commits, contents: dict[str, Any]) -> dict[str, Any]:
    """Return contents with their revisions replaced by commits."""
    changed = dict(contents)
    for key, commit in commits.items():
        part, _, _ = key.rpartition(".")
        if part:
            changed[part] = changed[part] | {"revision": commit}
        else:
            changed["revision"] = commit
    return changed
