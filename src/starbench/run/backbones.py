"""What a training starts from: whole, and made as the config says."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from starbench.errors import InputError
from starbench.run.models import MODEL_FOLDER
from starbench.run.slices import pretraining_slice
from starbench.store.artifacts import READ_BY_LIBRARIES, check_listed, opened

if TYPE_CHECKING:
    from starbench.config.config import Config
    from starbench.run.paths import RunPaths


def opened_backbone(config: Config, paths: RunPaths, name: str, seed: int) -> Path:
    """Return the folder of a backbone, checked.

    Raises InputError for one that is missing or damaged, and for one of another run that was made
    with other keys.
    """
    folder = paths.backbone_in_use(config, name, seed)
    manifest = opened(folder)
    check_listed(folder, manifest, READ_BY_LIBRARIES)
    run = config.backbones[name].run
    if run is not None:
        asked = pretraining_slice(config, name, seed)
        made = manifest["config"]
        # The seed is in the folder's name; a backbone made once has the same one for all seeds.
        if differing := [key for key in asked if key != "seed" and asked[key] != made.get(key)]:
            raise InputError(
                f"backbone '{name}' of run '{run}' was made with another {differing[0]}: "
                f"{folder} has {made.get(differing[0])}, the config {asked[differing[0]]}"
            )
    return folder


def opened_model(folder: Path) -> Path:
    """Return the SentenceTransformer in the folder of a fine-tuned model, checked.

    Raises InputError for a model that is missing or damaged.
    """
    check_listed(folder, opened(folder, "finetune"), [f"{MODEL_FOLDER}/**/*"])
    return folder / MODEL_FOLDER
