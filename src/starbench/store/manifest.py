"""Manifests: what a stage made, from what, with what; the last file a stage writes."""

from __future__ import annotations

import importlib.metadata
import json
import logging
import platform
import resource
import subprocess
import time
from functools import cache
from pathlib import Path
from typing import Any

from starbench.errors import InputError
from starbench.machine.disk import os_error_line
from starbench.machine.files import sha256_of, sha256_of_json, write_json
from starbench.machine.hardware import EnergyMeter, hardware
from starbench.store.hashes import CHECKS, difference, stat_of

log = logging.getLogger(__name__)

PACKAGES = ("torch", "transformers", "sentence-transformers", "datasets", "mteb", "numpy")


class Stage:
    """One running stage: started when the work starts, `finish` writes its manifest.

    Args:
        name: the stage's name, e.g. ``finetune``.
        version: the stage's RESULTS_VERSION.
        config: the part of the config that the stage reads (JSON values only).
        inputs: folders or files that the stage reads; a folder stands for its manifest, and of
            a file in such a folder the manifest's checksum is taken, not computed anew.
        sources: files from outside the run that the stage reads, {name: SHA-256}.
    """

    def __init__(
        self,
        name: str,
        version: int,
        config: dict[str, Any],
        inputs: list[Path],
        sources: dict[str, str] | None = None,
    ) -> None:
        self.name, self.version, self.config = name, version, config
        self.sources = sources or {}
        self.inputs = {str(path): _checksum(path) for path in inputs}
        contents = [_contents(path) for path in inputs]
        if self.sources:
            contents.append(self.sources)
        self.identity = sha256_of_json([name, version, config, contents])
        """SHA-256 of all that the stage's result depends on: its config and its inputs' bytes."""
        self._start, self._energy = time.monotonic(), EnergyMeter()

    def is_done(self, folder: Path) -> bool:
        """Whether `folder` holds the result of just this work, every file in place and unchanged.

        A damaged manifest or file is not a result: the log names it, and the work is done again.
        """
        if not (folder / "manifest.json").is_file():
            return False
        try:
            manifest = read_manifest(folder)
        except InputError as error:
            log.warning("%s", error)
            return False
        if manifest.get("identity") != self.identity:
            return False
        for name, sha256 in manifest["files"].items():
            different = difference(folder / name, sha256, manifest.get("stat", {}).get(name))
            if different is not None:
                log.warning("%s %s: it is made again", folder / name, different)
                return False
        return True

    def finish(self, folder: Path, files: list[str], **facts: Any) -> None:
        """Write ``folder/manifest.json``, vouching for `files` (names within the folder)."""
        write_json(
            folder / "manifest.json",
            {
                "stage": self.name,
                "results_version": self.version,
                "identity": self.identity,
                "config": self.config,
                "config_sha256": sha256_of_json(self.config),
                "inputs": self.inputs,
                **({"source_files": self.sources} if self.sources else {}),
                "files": {name: sha256_of(folder / name) for name in files},
                "stat": {name: stat_of(folder / name) for name in files},
                **facts,
                "wall_s": round(time.monotonic() - self._start, 2),
                "cpu_s": round(time.process_time(), 2),
                "checks": CHECKS.facts(),
                "peak_memory_mib": round(
                    resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1
                ),
                "energy_j": self._energy.joules(),
                "python": platform.python_version(),
                "machine": platform.platform(),
                "hardware": hardware(),
                "versions": installed_versions() | _plugin_versions(self.config),
                "git": git_commit(),
            },
        )


class Manifest(dict[str, Any]):
    """What a manifest says; a key that it should have and has not is an InputError."""

    def __init__(self, path: Path, values: dict[str, Any]) -> None:
        super().__init__(values)
        self.path = path

    def __missing__(self, key: str) -> Any:
        raise InputError(f"{self.path} is damaged: it has no '{key}'; {REMOVE_IT}")


REMOVE_IT = "remove it, and the stage is run again"

OVERRIDE = ("what the checkpoint says", "what the config says")
"""What a model's manifest has of each key that the config overrides."""

KEY_TYPES: dict[str, tuple[type, ...]] = {
    "stage": (str,),
    "identity": (str,),
    "files": (dict,),
    "stat": (dict,),
    "wall_s": (int, float),
    "peak_memory_mib": (int, float),
    "energy_j": (int, float, type(None)),
    "constant": (list,),
    "config": (dict,),
    "texts": (int,),
    "steps": (int,),
    "skipped_steps": (int,),
    "loop_s": (int, float),
    "loop_steps": (int,),
    "step_multiply_adds": (int,),
    "records": (dict,),
    "titles": (dict,),
    "findings": (dict,),
    "overridden": (dict,),
    "commits": (dict,),
    "licence": (str,),
    "hardware": (dict,),
    "git": (str, type(None)),
}
"""What the keys of a manifest hold that others read."""


def read_manifest(folder: Path, stage: str | None = None) -> dict[str, Any]:
    """Return a folder's manifest; the files that it vouches for are not looked at.

    Raises InputError if there is none, it is damaged or of another stage; of what it returns, a
    key that is not there raises InputError too.
    """
    path = folder / "manifest.json"
    if not path.is_file():
        raise InputError(
            f"{folder} is not finished: it has no manifest.json; run the stage that makes it, or "
            "snakemake, first"
        )
    manifest = Manifest(path, _values(path))
    _check_keys(path, manifest)
    if stage is not None and manifest["stage"] != stage:
        raise InputError(
            f"{path} is of stage '{manifest['stage']}', expected '{stage}'; {REMOVE_IT}"
        )
    return manifest


def _check_keys(path: Path, manifest: Manifest) -> None:
    for key, kinds in KEY_TYPES.items():
        if key in manifest and (
            not isinstance(manifest[key], kinds) or isinstance(manifest[key], bool)
        ):
            raise InputError(
                f"{path} is damaged: its '{key}' is {manifest[key]!r:.40}; {REMOVE_IT}"
            )
    entries = {
        "files": lambda name, entry: isinstance(entry, str) and _is_within(name),
        "stat": lambda _, entry: isinstance(entry, dict) and _is_stat(entry),
        "overridden": lambda _, entry: isinstance(entry, list) and len(entry) == len(OVERRIDE),
    }
    for key, is_right in entries.items():
        for name, entry in manifest.get(key, {}).items():
            if not is_right(name, entry):
                shown = f"the entry '{name}' of its '{key}'"
                raise InputError(f"{path} is damaged: {shown}; {REMOVE_IT}")
    if not all(isinstance(cell, str) for cell in manifest.get("constant", [])):
        raise InputError(f"{path} is damaged: its 'constant' lists no cells; {REMOVE_IT}")
    if manifest.get("texts", 0) < 0:
        raise InputError(f"{path} is damaged: its 'texts' is {manifest['texts']}; {REMOVE_IT}")


def _is_within(name: str) -> bool:
    """Whether a name is of a file within the manifest's folder: nothing outside is vouched for."""
    return bool(name) and not name.startswith("/") and ".." not in name.split("/")


def _is_stat(entry: dict[str, Any]) -> bool:
    numbers = [entry.get("size", 0), entry.get("mtime_ns", 0)]
    sampled = entry.get("sampled_sha256", "")
    return all(type(number) is int for number in numbers) and isinstance(sampled, str)


def _values(path: Path) -> dict[str, Any]:
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"cannot read {os_error_line(error, path)}") from None
    except (ValueError, RecursionError) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{path} is damaged: no JSON ({reason:.80}); {REMOVE_IT}") from None
    if not isinstance(values, dict):
        raise InputError(f"{path} is damaged: no mapping of keys; {REMOVE_IT}")
    return values


def _contents(path: Path) -> object:
    """What a stage's result depends on: an input's bytes, not when or where they were made."""
    return _checksum(path) if path.is_file() else read_manifest(path)["files"]


def _checksum(path: Path) -> str:
    if path.is_file():
        beside = path.parent / "manifest.json"
        known = read_manifest(path.parent)["files"] if beside.is_file() else {}
        return str(known.get(path.name) or sha256_of(path))
    read_manifest(path)
    return sha256_of(path / "manifest.json")


@cache
def installed_versions() -> dict[str, str]:
    """Return the installed versions of the libraries that results depend on."""
    return {name: importlib.metadata.version(name) for name in (*PACKAGES, "starbench")}


def _plugin_versions(config: dict[str, Any]) -> dict[str, str]:
    """Return the versions of the packages of the plugins that a stage depends on."""
    packages = {plugin["package"] for plugin in config.get("plugins", {}).values()}
    return {name: importlib.metadata.version(name) for name in sorted(packages)}


@cache
def git_commit() -> str | None:
    """Return the commit of the checkout, with ``-dirty`` for local changes; None outside git."""
    try:
        described = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"],
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            check=False,
        )
    except FileNotFoundError:
        return None
    return described.stdout.strip() or None
