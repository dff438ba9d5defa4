"""Checkpoints of a training: written whole with their hashes, checked before they are used."""

from __future__ import annotations

import json
import logging
import shutil
import signal
import zipfile
from pathlib import Path
from typing import Any

from transformers.trainer import OPTIMIZER_NAME, SCHEDULER_NAME, TRAINER_STATE_NAME
from transformers.trainer_utils import get_last_checkpoint

from starbench.machine.disk import naming
from starbench.machine.files import sha256_of, write_json, write_text
from starbench.machine.processes import any_process, first_then_rest, rank
from starbench.store.hashes import difference
from starbench.store.train_log import LOG_FILE

log = logging.getLogger(__name__)

CHECKPOINTS = "checkpoints"
HASHES = "hashes.json"
"""SHA-256 of every other file of a checkpoint, written last."""


class WholeCheckpoints:
    """For trainers: a checkpoint is complete, with its hashes, or not there.

    Of several processes each writes a part; the first one hashes them all.
    """

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        parent: Any = super()
        trainer: Any = self
        folder = Path(trainer.args.output_dir) / f"checkpoint-{trainer.state.global_step}"
        try:
            with naming(folder):
                parent._save_checkpoint(model, trial)
            any_process(True, trainer.args.device)  # nobody goes on before all have written
            if rank() == 0:
                write_hashes(folder)
        except Exception:
            shutil.rmtree(folder, ignore_errors=True)
            raise

    def get_train_dataloader(self) -> Any:
        """Return the batches; what reads them ahead outlives the signal that asks to save."""
        parent: Any = super()
        loader = parent.get_train_dataloader()
        # Accelerate puts an object of its own around the one that starts the processes.
        inner = getattr(loader, "base_dataloader", loader)
        inner.worker_init_fn = _Patient(inner.worker_init_fn)
        return loader


class _Patient:
    """Starts a process that reads batches; it dies of the second SIGTERM, not of the first.

    A job that is told to end gets the signal in all its processes: without its readers, the
    training could not finish the step after which it saves.
    """

    def __init__(self, start: Any) -> None:
        self.start = start

    def __call__(self, worker: int) -> None:
        signal.signal(signal.SIGTERM, lambda *_: signal.signal(signal.SIGTERM, signal.SIG_DFL))
        if self.start is not None:
            self.start(worker)


def write_hashes(checkpoint: Path) -> None:
    """Write the SHA-256 of every file of a checkpoint into it."""
    files = sorted(path for path in checkpoint.rglob("*") if path.is_file())
    hashes = {path.relative_to(checkpoint).as_posix(): sha256_of(path) for path in files}
    write_json(checkpoint / HASHES, hashes)


def last_checkpoint(folder: Path, identity: str) -> str | None:
    """Return the newest whole checkpoint below `folder` that belongs to the same work, or None.

    Checkpoints of other work (another config, other inputs) are removed: resuming from them
    would mix two trainings. So are those that are damaged or were cut short, and the log says so.
    Of several processes the first one does so.
    """
    with first_then_rest():
        return _last_checkpoint(folder, identity)


def _last_checkpoint(folder: Path, identity: str) -> str | None:
    checkpoints = folder / CHECKPOINTS
    marker = checkpoints / "identity"
    if not marker.is_file() or marker.read_bytes() != identity.encode():
        if get_last_checkpoint(str(checkpoints)) if checkpoints.is_dir() else None:
            log.info("removing checkpoints of another config in %s", checkpoints)
        shutil.rmtree(checkpoints, ignore_errors=True)
        write_text(marker, identity)
    found = _newest_whole(checkpoints)
    if found is None:
        (folder / LOG_FILE).unlink(missing_ok=True)
    else:
        log.info("resuming from %s", found)
    return found


def _newest_whole(checkpoints: Path) -> str | None:
    """Return the newest whole checkpoint; remove those that are newer and are not."""
    found: str | None
    while (found := get_last_checkpoint(str(checkpoints))) is not None:
        checkpoint = Path(found)
        wrong = damage(checkpoint)
        if wrong is None:
            return found
        shutil.rmtree(checkpoint)
        older = get_last_checkpoint(str(checkpoints))
        then = f"going back to {Path(older).name}" if older else "starting from the beginning"
        log.warning("%s is not whole (%s): removing it and %s", found, wrong, then)
    return None


def damage(checkpoint: Path) -> str | None:
    """Return what is wrong with a checkpoint; None if every file is what it was when written.

    A checkpoint without hashes, of an older version or of a training that was killed before it
    wrote them, is judged by its form: all parts are there, PyTorch's files hold their own
    checksums, and weights have the length that their header tells.
    """
    path = checkpoint / HASHES
    if not path.is_file():
        return _damage_of_form(checkpoint)
    try:
        hashes = json.loads(path.read_text(encoding="utf-8"))
        for name, sha256 in hashes.items():
            different = difference(checkpoint / name, sha256, None)
            if different is not None:
                return f"{name} {different}"
    except (ValueError, AttributeError, TypeError, RecursionError):
        return f"{HASHES} is damaged"
    absent = {TRAINER_STATE_NAME, OPTIMIZER_NAME, SCHEDULER_NAME} - hashes.keys()
    return f"{HASHES} lists no {min(absent)}" if absent else None


def _damage_of_form(checkpoint: Path) -> str | None:
    try:
        state = json.loads((checkpoint / TRAINER_STATE_NAME).read_text(encoding="utf-8"))
        step = state["global_step"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return f"{TRAINER_STATE_NAME} is missing or damaged"
    if f"checkpoint-{step}" != checkpoint.name:
        return f"{TRAINER_STATE_NAME} is of step {step}"
    random_states = sorted(path.name for path in checkpoint.glob("rng_state*.pth"))
    for name in (OPTIMIZER_NAME, SCHEDULER_NAME, *(random_states or ["rng_state.pth"])):
        if not _is_whole_zip(checkpoint / name):
            return f"{name} is missing or damaged"
    weights = sorted(checkpoint.rglob("*.safetensors"))
    if not weights:
        return "there are no weights"
    for path in weights:
        if not _has_its_length(path):
            return f"{path.relative_to(checkpoint)} is cut or damaged"
    return None


def _is_whole_zip(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as packed:
            return packed.testzip() is None
    except (OSError, zipfile.BadZipFile, NotImplementedError, RuntimeError, ValueError):
        return False


def _has_its_length(path: Path) -> bool:
    """Whether a safetensors file is as long as its header says (its length, then JSON)."""
    try:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            header = json.loads(file.read(min(length, path.stat().st_size)))
        ends = [entry["data_offsets"][1] for name, entry in header.items() if name[:2] != "__"]
        return bool(path.stat().st_size == 8 + length + max(ends))
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError):
        return False


def remove_checkpoints(folder: Path) -> None:
    """Remove the checkpoints of finished work."""
    shutil.rmtree(folder / CHECKPOINTS, ignore_errors=True)
