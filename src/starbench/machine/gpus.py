"""The GPUs of one machine, each for one job at a time: a lock file a GPU hands them out."""

from __future__ import annotations

import fcntl
import logging
import os
import re
import shutil
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

from starbench.errors import InputError
from starbench.machine.files import sha256_of_json
from starbench.machine.processes import inside_torchrun

if TYPE_CHECKING:
    import torch

log = logging.getLogger(__name__)

LOCKS = Path("/tmp")
"""Where the lock files are: the same folder for all jobs, whatever TMPDIR each of them has."""
SECONDS_BETWEEN_TRIES = 0.5

_held: list[int] = []


def torch_device() -> torch.device:
    """Return where this process computes: on its first GPU, else on the processor."""
    import torch

    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def take_gpus(wanted: int, locks: Path = LOCKS) -> list[str]:
    """Keep `wanted` free GPUs for this process, waiting for them, and show it no others.

    Sets CUDA_VISIBLE_DEVICES, so it must be called before torch looks for GPUs. A value that is
    set already says which to choose from. The kernel frees a GPU when the process is gone, however
    it ends. Nothing is done without GPUs, under torchrun (whose starter has taken them), or in a
    Slurm job that was given no more than it wants.

    Args:
        wanted: number of GPUs, at least 1.
        locks: folder of the lock files.

    Returns:
        The GPUs by their names in CUDA_VISIBLE_DEVICES; empty if there was nothing to do.

    Raises:
        InputError: the machine has GPUs, but fewer than that.
    """
    if inside_torchrun():
        return []
    visible = _visible()
    slurm_job = os.environ.get("SLURM_JOB_ID")
    if not visible or (slurm_job and len(visible) <= wanted):
        return []
    if len(visible) < wanted:
        raise InputError(
            f"the config asks for {wanted} GPUs per job, this machine has {len(visible)}"
        )
    # In a Slurm job, GPU 0 is the first of the job's own, not of the machine.
    scope = f"starbench-gpu{f'-job-{slurm_job}' if slurm_job else ''}"
    taken = _wait_for(visible, wanted, locks / scope)
    os.environ["CUDA_VISIBLE_DEVICES"] = ",".join(taken)
    log.info("on GPU %s of %s", ", ".join(taken), ", ".join(visible))
    return taken


def _visible() -> list[str]:
    given = os.environ.get("CUDA_VISIBLE_DEVICES")
    if given is None:
        # In a Slurm job that asked for none, those of the node belong to others.
        return [] if "SLURM_JOB_ID" in os.environ else installed_gpus()
    return [name for name in given.replace(" ", "").split(",") if name and name != "-1"]


def installed_gpus() -> list[str]:
    """Return the numbers of the machine's NVIDIA GPUs, without importing torch (seconds)."""
    if shutil.which("nvidia-smi"):
        shown = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, check=False)
        count = len(re.findall(r"^GPU \d+:", shown.stdout, re.MULTILINE))
    else:
        count = sum(bool(re.fullmatch(r"nvidia\d+", path.name)) for path in Path("/dev").iterdir())
    return [str(number) for number in range(count)]


def _wait_for(visible: list[str], wanted: int, prefix: Path) -> list[str]:
    """Lock `wanted` of the GPUs, in the order of asking: one process at a time collects."""
    queue = _opened(f"{prefix}-queue-{sha256_of_json(sorted(visible))[:12]}")
    taken: list[str] = []
    waiting = False
    try:
        while True:
            if _locked(queue):
                others = [name for name in visible if name not in taken]
                taken += _free_ones(others, wanted - len(taken), prefix)
            if len(taken) == wanted:
                return taken
            if not waiting:
                log.info("waiting for %d of the GPUs %s to be free", wanted, ", ".join(visible))
                waiting = True
            time.sleep(SECONDS_BETWEEN_TRIES)
    finally:
        os.close(queue)


def _free_ones(names: list[str], most: int, prefix: Path) -> list[str]:
    """Lock those of the GPUs that are free, `most` at most, and return their names."""
    found: list[str] = []
    for name in names:
        if len(found) == most:
            break
        file = _opened(f"{prefix}-{name}")
        if _locked(file):
            # Held as long as this process, or what it turns into (torchrun), lives.
            os.set_inheritable(file, True)
            _held.append(file)
            found.append(name)
        else:
            os.close(file)
    return found


def _opened(name: str) -> int:
    path = re.sub(r"[^\w./-]", "_", f"{name}.lock")
    try:
        return os.open(path, os.O_RDONLY)  # another user's file, too, can be locked
    except FileNotFoundError:
        file = os.open(path, os.O_RDONLY | os.O_CREAT)
        os.fchmod(file, 0o644)  # for them, whatever this user's umask
        return file


def _locked(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
