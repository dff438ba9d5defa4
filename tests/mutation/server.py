"""A process that has imported libraries, package and tests, and tries each fault in a child.

It is started as a program in a copy of the repository: libraries, ``--``, paths of tests. It reads
one JSON object a line from its input and answers with one. Asked is `kind`:

- ``trace``: which lines of the package each of all tests runs, and how long it takes, into `file`;
- ``swap``: whether the tests `chosen` notice `source` in the place of `module`. Functions get the
  code of the other source; where more than functions differ, the answer is ``{"code": "fresh"}``;
- ``fresh``: the same with the package imported anew, from what then lies in the copy.

`limit` is in seconds of the processor. The answer is `code`, 0 if all tests pass, or minus a
signal's number, `seconds`, and `by`, the test that failed.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import resource
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any

MEMORY = 8 * 2**30
"""Bytes that a child may take beyond what it starts with."""
LONGEST = 900.0
"""Seconds after which a child is ended that waits for something."""
OPTIONS = ["-q", "-p", "no:cacheprovider"]

Functions = dict[tuple[str, str, int], list[FunctionType]]
"""Functions by their module, name within it and first line."""


def preload(libraries: list[str]) -> None:
    """Import the libraries that are installed; hypothesis tries the same examples each time."""
    for name in libraries:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    with contextlib.suppress(ImportError):
        from hypothesis import Phase, settings

        phases = (Phase.explicit, Phase.generate)
        settings.register_profile("faults", derandomize=True, database=None, phases=phases)
        settings.load_profile("faults")


def functions_in(package: Path) -> Functions:
    """Return the functions of the modules below a folder that are there."""
    found: Functions = {}
    for function in gc.get_objects():
        if isinstance(function, FunctionType):
            code = function.__code__
            if code.co_filename.startswith(f"{package}/"):
                key = code.co_filename, code.co_qualname, code.co_firstlineno
                found.setdefault(key, []).append(function)
    return found


def parts_of(code: CodeType) -> tuple[list[CodeType], list[Any]]:
    """Return a module's functions, and what else it is made of, its classes included."""
    functions: list[CodeType] = []
    others: list[Any] = [code.co_code, code.co_names]
    for constant in code.co_consts:
        if not isinstance(constant, CodeType):
            others.append((type(constant), constant))
        elif constant.co_flags & 1:  # CO_OPTIMIZED: a function, not the body of a class
            functions.append(constant)
        else:
            within, rest = parts_of(constant)
            functions += within
            others += rest
    return functions, others


def swapped(functions: Functions, path: str, before: str, after: str) -> bool:
    """Whether the functions of a module could be given the code that another source has."""
    old, new = (parts_of(compile(source, path, "exec")) for source in (before, after))
    names = [[code.co_qualname for code in part[0]] for part in (old, new)]
    if old[1] != new[1] or names[0] != names[1]:
        return False
    for was, becomes in zip(old[0], new[0], strict=True):
        if was == becomes:
            continue
        there = functions.get((path, was.co_qualname, was.co_firstlineno), [])
        if not there or was.co_freevars != becomes.co_freevars:
            return False
        for function in there:
            function.__code__ = becomes
    return True


def pytest_ends(files: list[str], plugin: Any) -> int:
    """Return pytest's exit status; what it prints goes into a file beside the copy."""
    import pytest

    folder = Path.cwd()
    log = os.open(folder.with_suffix(".log"), os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(log, 1)
    os.dup2(log, 2)
    temporary = ["--basetemp", str(folder.with_suffix(".tmp"))]
    return int(pytest.main([*OPTIONS, *temporary, *files], plugins=[plugin]))


def limited(seconds: float | None) -> None:
    """Lead a process group of its own, with bounds of memory and of time on the processor."""
    os.setsid()
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    most = pages * resource.getpagesize() + MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    # Of what is compiled with a fault nothing may be left.
    sys.dont_write_bytecode = True
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
    if seconds is not None:
        until = int(sum(os.times()[:2]) + seconds) + 1
        resource.setrlimit(resource.RLIMIT_CPU, (until, until + 5))


def in_child(work: Callable[[], str], limit: float = LONGEST) -> dict[str, Any]:
    """Return the exit status of a forked child that does `work`, and the text that it returns."""
    start = time.monotonic()
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        code = 3
        try:
            text = work()
            os.write(writing, text.encode()[:4000])
            code = 1 if text else 0
        except BaseException as error:
            os.write(writing, repr(error).encode()[:4000])
        finally:
            os._exit(code)
    os.close(writing)
    found = 0
    while not found and time.monotonic() < start + limit:
        found, status = os.waitpid(child, os.WNOHANG)
        time.sleep(0.0 if found else 0.01)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)
    if not found:
        _, status = os.waitpid(child, 0)
    text = os.read(reading, 5000).decode(errors="replace")
    os.close(reading)
    seconds = round(time.monotonic() - start, 2)
    return {"code": os.waitstatus_to_exitcode(status), "seconds": seconds, "by": text}


class Chosen:
    """A plugin of pytest that runs the tests of a list in its order, up to one that fails."""

    def __init__(self, ids: list[str]) -> None:
        self._ids = ids
        self.failed = ""

    def pytest_runtestloop(self, session: Any) -> bool:
        """Run them."""
        self.failed = first_failure(session, self._ids)
        return True


def first_failure(session: Any, ids: list[str]) -> str:
    """Return the first test that fails, or an empty text."""
    by_id = {item.nodeid: item for item in session.items}
    items = [by_id[name] for name in ids if name in by_id]
    for place, item in enumerate(items):
        following = items[place + 1] if place + 1 < len(items) else None
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
        if session.testsfailed:
            return str(item.nodeid)
    return "" if items else "no tests"


def traced(session: Any, package: Path) -> dict[str, Any]:
    """Return the seconds and the lines, ``{file: {line: [tests]}}``, of all tests."""
    import coverage

    seconds: dict[str, float] = {}
    measured = coverage.Coverage(data_file=None, config_file=False, include=[f"{package}/*"])
    measured.start()
    for place, item in enumerate(session.items):
        following = session.items[place + 1] if place + 1 < len(session.items) else None
        measured.switch_context(item.nodeid)
        start = sum(os.times()[:4])
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
        seconds[item.nodeid] = round(sum(os.times()[:4]) - start, 3)
        if session.testsfailed:
            raise RuntimeError(f"{item.nodeid} fails without a fault")
    measured.stop()
    data = measured.get_data()
    lines = {
        str(Path(name).relative_to(Path.cwd())): data.contexts_by_lineno(name)
        for name in data.measured_files()
    }
    return {"seconds": seconds, "lines": lines}


class Nursery:
    """A plugin of pytest that, once all tests are collected, answers requests instead.

    Args:
        requests: where they come from, one a line.
        answers: where the answers go.
    """

    def __init__(self, requests: Any, answers: Any) -> None:
        self._requests, self._answers = requests, answers

    def pytest_runtestloop(self, session: Any) -> bool:
        """Answer until there are no more requests."""
        package = Path("src").resolve()
        functions = functions_in(package)
        # Children would copy the memory of every object that a collection looks at.
        gc.collect()
        gc.freeze()
        for line in self._requests:
            request = json.loads(line)
            if request["kind"] == "trace":
                answer = in_child(lambda: self._trace(session, package, request))  # noqa: B023
            else:
                answer = in_child(lambda: self._swap(session, functions, request))  # noqa: B023
            print(json.dumps(answer), file=self._answers, flush=True)
        return True

    @staticmethod
    def _trace(session: Any, package: Path, request: dict[str, Any]) -> str:
        limited(None)
        Path(request["file"]).write_text(json.dumps(traced(session, package)))
        return ""

    @staticmethod
    def _swap(session: Any, functions: Functions, request: dict[str, Any]) -> str:
        path = Path(request["module"]).resolve()
        if not swapped(functions, str(path), request["before"], request["source"]):
            return "fresh"
        limited(request["limit"])
        return first_failure(session, request["chosen"])


def fresh(request: dict[str, Any]) -> str:
    """Return the first test that fails with the package imported in this process."""
    limited(request["limit"])
    files = list(dict.fromkeys(name.partition("::")[0] for name in request["chosen"]))
    chosen = Chosen(request["chosen"])
    code = pytest_ends(files, chosen)
    return chosen.failed or ("" if code == 0 else f"pytest ends with {code}")


def main() -> None:
    """Answer requests until the input ends."""
    sys.path[0:1] = [str(Path("src").resolve())]
    cut = sys.argv.index("--")
    preload(sys.argv[1:cut])
    to_nursery, from_nursery = os.pipe(), os.pipe()
    if os.fork() == 0:
        os.close(to_nursery[1])
        with os.fdopen(to_nursery[0]) as requests, os.fdopen(from_nursery[1], "w") as answers:
            os._exit(pytest_ends(sys.argv[cut + 1 :], Nursery(requests, answers)))
    os.close(to_nursery[0])
    os.close(from_nursery[1])
    gc.collect()
    gc.freeze()
    with os.fdopen(to_nursery[1], "w") as requests, os.fdopen(from_nursery[0]) as answers:
        for line in sys.stdin:
            request = json.loads(line)
            if request["kind"] == "fresh":
                found = json.dumps(in_child(lambda: fresh(request)))  # noqa: B023
            else:
                print(line, end="", file=requests, flush=True)
                found = answers.readline().strip()
            print(found, flush=True)


if __name__ == "__main__":
    main()
