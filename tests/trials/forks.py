"""A process that has imported what commands import, and forks one of its own for each command.

A command that starts with its libraries in memory takes milliseconds instead of seconds. What is
forked runs the same `entry` as the console script, with the arguments, folder, environment, user
and standard streams of the command, and ends as an interpreter does: threads, then `atexit`.
"""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import gc
import importlib
import io
import json
import os
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

CAPABILITIES_VERSION, CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH = 0x20080522, 1, 2
"""Linux: capabilities(7)."""

SECONDS = 120
"""How long a command may take."""


@dataclass(frozen=True)
class Command:
    """One command and what is around it."""

    words: Sequence[str]
    """The program, ``starbench`` or ``snakemake``, and its arguments."""
    folder: Path
    environment: dict[str, str]
    stdout: str = "file"
    """``file``, ``closed``, ``unread`` (a pipe that nobody reads), or the path of a device."""
    as_root: bool = True
    """Whether root keeps the right to read and write whatever the modes of files say."""
    interrupt: str | None = None
    """A pattern of files below the folder: once there is one, the command gets SIGINT."""


@dataclass(frozen=True)
class Done:
    """What a command did; the status is negative for a signal."""

    status: int
    out: str
    err: str


@dataclass
class Forks:
    """A client of the process; `modules` are what it imports beforehand."""

    modules: Sequence[str]
    environment: dict[str, str] = field(default_factory=dict)

    def __enter__(self) -> Forks:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.trials.forks", *self.modules],
            cwd=Path(__file__).parents[2],
            env=self.environment or None,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        return self

    def __exit__(self, *_: object) -> None:
        self.process.communicate()

    def run(self, command: Command, scratch: Path) -> Done:
        """Run a command in a fork; its output is kept in a folder beside its own."""
        wanted = {**vars(command), "folder": str(command.folder), "scratch": str(scratch)}
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(wanted) + "\n")
        self.process.stdin.flush()
        status = json.loads(self.process.stdout.readline())
        return _done(status, scratch)


def _done(status: int, scratch: Path) -> Done:
    out, err = (
        (scratch / name).read_bytes().decode("utf-8", "backslashreplace") for name in ("out", "err")
    )
    return Done(status, out, err)


def run_as_a_process(command: Command, program: Path, scratch: Path) -> Done:
    """Run a command as the shell does, in a process of its own from the start."""
    with contextlib.ExitStack() as files:
        out = files.enter_context((scratch / "out").open("wb"))
        err = files.enter_context((scratch / "err").open("wb"))
        done = subprocess.run(
            [str(program), *command.words[1:]],
            cwd=command.folder,
            env=command.environment,
            stdin=subprocess.DEVNULL,
            stdout=_unread() if command.stdout == "unread" else out,
            stderr=err,
            timeout=SECONDS,
            check=False,
        )
    return _done(done.returncode, scratch)


def _unread() -> int:
    reader, writer = os.pipe()
    os.close(reader)
    return writer


def main(modules: Sequence[str]) -> None:
    """Import modules, then run each command that a line of standard input asks for."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for name in modules:
        importlib.import_module(name)
    gc.collect()
    gc.freeze()
    requests = os.fdopen(os.dup(0))
    for line in requests:
        request = json.loads(line)
        process = os.fork()
        if process == 0:
            _become(request)
        answers.write(f"{_waited_for(process, request)}\n")
        answers.flush()


def _waited_for(process: int, request: dict[str, Any]) -> int:
    end, pattern = time.monotonic() + SECONDS, request["interrupt"]
    while time.monotonic() < end:
        found, status = os.waitpid(process, os.WNOHANG)
        if found:
            return os.waitstatus_to_exitcode(status)
        if pattern and any(Path(request["folder"]).glob(pattern)):
            os.kill(process, signal.SIGINT)
            pattern = None
        time.sleep(0.002)
    os.killpg(process, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def _become(request: dict[str, Any]) -> None:
    """Turn a fork into the command; never returns."""
    os.setsid()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    environment = request["environment"]
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(request["folder"])
    _connect(Path(request["scratch"]), request["stdout"], environment)
    if not request["as_root"]:
        _obey_modes()
    sys.argv = list(request["words"])
    os._exit(_ended(request["words"][0]))


def _obey_modes() -> None:
    """Give up root's rights to pass over the modes of files; another user has none anyway."""
    libc = ctypes.CDLL(None, use_errno=True)
    header = (ctypes.c_uint32 * 2)(CAPABILITIES_VERSION, 0)
    held = (ctypes.c_uint32 * 6)()
    assert libc.capget(header, held) == 0
    for place in range(3):  # effective, permitted, inheritable
        held[place] &= ~(1 << CAP_DAC_OVERRIDE | 1 << CAP_DAC_READ_SEARCH)
    assert libc.capset(header, held) == 0


def _connect(scratch: Path, stdout: str, environment: dict[str, str]) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(os.open(scratch / "err", flags, 0o666), 2)
    kept = os.open(scratch / "out", flags, 0o666)
    if stdout == "closed":
        os.close(1)
    elif stdout == "unread":
        os.dup2(_unread(), 1)
    else:
        os.dup2(kept if stdout == "file" else os.open(stdout, os.O_WRONLY), 1)
    encoding = environment.get("PYTHONIOENCODING", "utf-8")
    sys.stdin = sys.__stdin__ = io.TextIOWrapper(io.BufferedReader(io.FileIO(0, closefd=False)))
    sys.stdout = None  # type: ignore[assignment]
    if stdout != "closed":
        sys.stdout = io.TextIOWrapper(_written(1), encoding)
    sys.stderr = io.TextIOWrapper(_written(2), encoding, "backslashreplace", line_buffering=True)
    sys.__stdout__, sys.__stderr__ = sys.stdout, sys.stderr


def _written(descriptor: int) -> io.BufferedWriter:
    return io.BufferedWriter(io.FileIO(descriptor, "w", closefd=False))


def _ended(program: str) -> int:
    """Run the program's entry point and return its status, as the interpreter would."""
    try:
        if program == "snakemake":
            from snakemake.cli import main as entry
        else:
            from starbench.cli import entry
        entry()
        status = 0
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
    except BaseException:
        traceback.print_exc()
        status = 1
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None:
                stream.flush()
        except OSError:
            print("Exception ignored in a stream: Traceback", file=sys.__stderr__)
            status = 120
    return status


if __name__ == "__main__":
    main(sys.argv[1:])
