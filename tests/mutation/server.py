"""A process that imports the heavy libraries once and runs tests in children that it forks.

It is started as a program in a copy of the repository, with the names of the libraries. It reads
one JSON object a line from its input and answers with one. The package itself is imported by each
child, so that it is what then lies in the copy. Asked is `tests` (paths), `output` (a file for what
pytest prints), and one of

- `trace`: a file for the lines of the package that each test runs, and the time that it takes;
- `chosen`: the ids of the tests to run, in this order, and `limit`: seconds of the processor.

The answer is `code`, pytest's exit status or minus a signal's number, and `seconds`.
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
from pathlib import Path
from typing import Any

MEMORY = 8 * 2**30
"""Bytes that a child may take beyond what it starts with."""
LONGEST = 900.0
"""Seconds after which a child is ended that waits for something."""
IMPORT = "import"
"""The context of what runs while tests are collected."""


def preload(libraries: list[str]) -> None:
    """Import the libraries that are installed."""
    for name in libraries:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    # Children would copy the memory of every object that a collection looks at.
    gc.collect()
    gc.freeze()


class Chosen:
    """A plugin of pytest that runs the tests of a list, in its order."""

    def __init__(self, ids: list[str]) -> None:
        self.place = {name: place for place, name in enumerate(ids)}

    def pytest_collection_modifyitems(self, items: list[Any]) -> None:
        """Drop and sort."""
        kept = [item for item in items if item.nodeid in self.place]
        items[:] = sorted(kept, key=lambda item: self.place[item.nodeid])


class Trace:
    """A plugin of pytest that notes which lines each test runs, and the time that it takes."""

    def __init__(self) -> None:
        import coverage

        include = [str(Path("src").resolve() / "*")]
        self._coverage = coverage.Coverage(data_file=None, include=include)
        self._coverage.start()
        self._coverage.switch_context(IMPORT)
        self.seconds: dict[str, float] = {}

    def pytest_runtest_protocol(self, item: Any, nextitem: Any) -> None:
        """Note what follows as the test's."""
        self._coverage.switch_context(item.nodeid)
        self.seconds[item.nodeid] = -time.process_time()

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        """Note the end of a test."""
        self.seconds[nodeid] += time.process_time()

    def write(self, path: str) -> None:
        """Write ``{seconds: {test: s}, lines: {file: {line: [tests]}}}``."""
        self._coverage.stop()
        data = self._coverage.get_data()
        root = Path.cwd()
        lines = {
            str(Path(name).relative_to(root)): data.contexts_by_lineno(name)
            for name in data.measured_files()
        }
        Path(path).write_text(json.dumps({"seconds": self.seconds, "lines": lines}))


def run_child(request: dict[str, Any]) -> int:
    """Run tests in this process; hypothesis tries the same examples each time, and shrinks none."""
    os.setsid()
    descriptor = os.open(request["output"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    most = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize() + MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    import pytest
    from hypothesis import Phase, settings

    phases = (Phase.explicit, Phase.generate)
    settings.register_profile("faults", derandomize=True, database=None, phases=phases)
    settings.load_profile("faults")
    arguments = ["-x", "-q", "-p", "no:cacheprovider", *request["tests"]]
    if "trace" in request:
        trace = Trace()
        code = int(pytest.main(arguments, plugins=[trace]))
        trace.write(request["trace"])
        return code
    # Of what is compiled with a fault nothing may be left.
    sys.dont_write_bytecode = True
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
    spent = sum(os.times()[:2])
    limit = int(spent + request["limit"]) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (limit, limit + 5))
    return int(pytest.main(arguments, plugins=[Chosen(request["chosen"])]))


def ended(child: int, limit: float) -> int:
    """Return a child's exit status, after `limit` seconds that of one that had to be killed."""
    until = time.monotonic() + limit
    found = 0
    while not found and time.monotonic() < until:
        found, status = os.waitpid(child, os.WNOHANG)
        time.sleep(0.0 if found else 0.02)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)
    if not found:
        _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)


def answer(request: dict[str, Any]) -> dict[str, Any]:
    """Run the tests of a request in a child."""
    start = time.monotonic()
    child = os.fork()
    if child == 0:
        code = 3
        try:
            code = run_child(request)
        finally:
            sys.stdout.flush()
            os._exit(code)
    code = ended(child, LONGEST)
    return {"code": code, "seconds": round(time.monotonic() - start, 2)}


def main() -> None:
    """Answer requests until the input ends."""
    sys.path[0:1] = [str(Path("src").resolve())]
    preload(sys.argv[1:])
    print("ready", flush=True)
    for line in sys.stdin:
        print(json.dumps(answer(json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
