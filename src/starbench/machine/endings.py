"""How a command ends: its exit status, and what is told of an error in a line of its own."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import tempfile
import traceback
from collections.abc import Callable
from pathlib import Path

from starbench.errors import InputError, NotFiniteError, TimeIsUp, shown

WRONG_INPUT, UNEXPECTED = 2, 1
NO_READER = 128 + signal.SIGPIPE
"""What a shell makes of a process that SIGPIPE has ended."""


def status_of(work: Callable[[], None], written_to: Callable[[], Path]) -> int:
    """Do the work of a command and return its exit status; an error gets one line.

    Tracebacks go to a file: see `keep_traceback`.

    Args:
        work: what the command does.
        written_to: the folder of its results, known once its config is read.
    """
    try:
        try:
            work()
        except SystemExit:
            _printed()
            raise
        return _printed()
    except (InputError, NotFiniteError) as error:
        if error.__cause__ is not None:
            keep_traceback(error, written_to())
        for mistake in getattr(error, "mistakes", (str(error),)):
            _tell(f"error: {mistake}")
        return WRONG_INPUT
    except BrokenPipeError as error:
        return _without_reader(error, written_to())
    except OSError as error:
        if error.errno is None:  # a library's own
            return _unexpected(error, written_to())
        keep_traceback(error, written_to())
        _tell(f"error: {_os_error_line(error, written_to())}")
        return WRONG_INPUT
    except KeyboardInterrupt:
        _tell("interrupted")
        return 128 + signal.SIGINT
    except TimeIsUp as saved:
        _tell(str(saved))
        return os.EX_TEMPFAIL
    except Exception as error:
        return _unexpected(error, written_to())


def _printed() -> int:
    """Hand out what was printed, so that a failure of that is one of the command's."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
        return 0
    except BrokenPipeError:
        raise
    except OSError as error:
        _forget_unwritten()
        _tell(f"error: standard output: {error.strerror}: write it to somewhere else")
        return WRONG_INPUT


def keep_traceback(error: BaseException, folder: Path) -> Path | None:
    """Write an error's traceback to a file and return its path; None where nothing can be written.

    It is ``logs/errors/`` of the run's folder, or the system's folder of temporary files for a
    command without a run and for a run whose folder cannot be written.
    """
    text = "".join(traceback.format_exception(error))
    temporary = Path(tempfile.gettempdir())
    for place in (
        folder / "logs" / "errors" if folder != Path() and folder.is_dir() else temporary,
        temporary,
    ):
        path = place / f"starbench-{os.getpid()}.txt"
        with contextlib.suppress(OSError):
            place.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8", errors="backslashreplace")
            return path
    return None


def _unexpected(error: Exception, folder: Path) -> int:
    """Tell an error that nothing in the package foresaw; it is none of the user's."""
    name, reason = type(error).__name__, (str(error).strip().splitlines() or [""])[0]
    kept = keep_traceback(error, folder)
    if isinstance(error, MemoryError) or name == "OutOfMemoryError":
        _tell(
            f"error: no memory left ({reason[:200] or name}): give the job more, or set "
            f"mini_batch_size, accumulation or tokens_per_batch; traceback in {kept}"
        )
        return UNEXPECTED
    _tell(
        f"error: unexpected {name}: {reason[:300]}; please report it with the traceback in {kept}"
    )
    return UNEXPECTED


def _without_reader(error: BrokenPipeError, folder: Path) -> int:
    """End quietly if whoever read the output has gone, as ``head`` does."""
    _forget_unwritten()
    if error.filename is not None:
        _tell(f"error: {_os_error_line(error, folder)}")
        return WRONG_INPUT
    return NO_READER


def _forget_unwritten() -> None:
    """Give up output that nobody takes: Python would try again at its end, with a traceback."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError:
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, sys.stdout.fileno())
        os.close(null)


def _os_error_line(error: OSError, folder: Path) -> str:
    from starbench.machine.disk import os_error_line

    return os_error_line(error, folder)


def _tell(line: str) -> None:
    with contextlib.suppress(OSError):  # nobody listens
        print(shown(line), file=sys.stderr, flush=True)
