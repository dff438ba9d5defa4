"""Runs the tests of a module on one fault after another, in copies of the repository."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import Queue
from typing import Any

from tests.mutation.operators import Mutant
from tests.mutation.server import IMPORT
from tests.mutation.targets import Target

SERVER = Path(__file__).with_name("server.py")
OLD = 946684800
"""Time of all files of a copy: compiled modules are known by it, and a changed file has another."""

LIBRARIES = (
    "torch transformers sentence_transformers datasets mteb pytest hypothesis numpy scipy.stats "
    "pandas pyarrow.parquet pydantic yaml ir_measures ir_datasets bm25s huggingface_hub faiss "
    "transformers.models.bert.modeling_bert transformers.trainer torch._dynamo accelerate "
    "snakemake.utils jsonschema coverage _pytest.pytester"
).split()
"""What the tests import, and the package not of itself."""

TIMES, EXTRA = 4, 20.0
"""A fault hangs if its tests take so many times as long as without it, and so many seconds."""


@dataclass(frozen=True)
class Outcome:
    """What became of a fault: `status` is killed, timeout, survived or unused.

    Unused are faults in a line that no test runs.
    """

    status: str
    seconds: float
    by: str = ""
    """The test that noticed it."""


@dataclass(frozen=True)
class Traced:
    """The tests of a target: the time of each, and the lines of the package that it runs."""

    paths: tuple[str, ...]
    seconds: dict[str, float]
    lines: dict[str, dict[str, list[str]]]
    always: frozenset[str]
    """Tests that run the package in other processes."""

    def of(self, mutant: Mutant) -> list[str]:
        """Return the tests that run the statement of a fault, the fastest file first."""
        found = self.lines.get(mutant.module, {})
        head = range(mutant.first, mutant.last + 1)
        tests = {test for line in head for test in found.get(str(line), ())}
        tests = set(self.seconds) if IMPORT in tests else tests | self.always
        fastest: dict[str, float] = {}
        for test in tests:
            file = test.partition("::")[0]
            fastest[file] = min(self.seconds[test], fastest.get(file, float("inf")))
        return sorted(
            tests,
            key=lambda t: (
                t in self.always, fastest[t.partition("::")[0]], t.partition("::")[0],
                self.seconds[t], t,
            ),
        )  # fmt: skip


class Copy:
    """A copy of the repository and the server that runs tests in it.

    Args:
        repository: where the files are copied from, as git lists them.
        folder: where the copy is made.
        libraries: what its server imports before it runs tests.
    """

    def __init__(self, repository: Path, folder: Path, libraries: Sequence[str]) -> None:
        self.folder, self._output = folder, folder.with_suffix(".log")
        listed = subprocess.run(
            ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
            cwd=repository, check=True, capture_output=True, text=True,
        )  # fmt: skip
        for name in filter(None, listed.stdout.split("\0")):
            if (repository / name).is_file():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(repository / name, folder / name)
                os.utime(folder / name, (OLD, OLD))
        compiled = [sys.executable, "-m", "compileall", "-q", "src", "tests"]
        subprocess.run(compiled, cwd=folder, check=False, stdout=subprocess.DEVNULL)
        self._server = subprocess.Popen(
            [sys.executable, SERVER, *libraries],
            cwd=folder, env=_environment(folder), text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        assert self._server.stdout is not None
        assert self._server.stdout.readline() == "ready\n", "the server of tests did not start"

    def trace(self, tests: tuple[str, ...], always: tuple[str, ...]) -> Traced:
        """Run tests without a fault; RuntimeError if one of them fails."""
        file = self.folder.with_suffix(".json")
        found = self._asked({"tests": [*tests, *always], "trace": str(file)})
        if found["code"] != 0:
            raise RuntimeError(f"tests fail without a fault:\n{self._printed()[-2000:]}")
        read = json.loads(file.read_text())
        elsewhere = frozenset(test for test in read["seconds"] if test.startswith(always))
        return Traced((*tests, *always), read["seconds"], read["lines"], elsewhere)

    def run(self, mutant: Mutant, traced: Traced, extra: float) -> Outcome:
        """Return what becomes of a fault whose tests may take `extra` seconds more than usual."""
        tests = traced.of(mutant)
        if not tests:
            return Outcome("unused", 0.0)
        limit = TIMES * sum(traced.seconds[test] for test in tests) + extra
        files = list(dict.fromkeys(test.partition("::")[0] for test in tests))
        path = self.folder / mutant.module
        whole = path.read_bytes()
        try:
            path.write_text(mutant.source, encoding="utf-8")
            found = self._asked({"tests": files, "chosen": tests, "limit": limit})
        finally:
            path.write_bytes(whole)
            os.utime(path, (OLD, OLD))
        code, seconds = found["code"], found["seconds"]
        if code in (-signal.SIGXCPU, -signal.SIGKILL):
            return Outcome("timeout", seconds)
        named = re.search(r"^(?:FAILED|ERROR) (\S+)", self._printed(), re.MULTILINE)
        by = named[1] if named else self._printed()[-300:] if code else ""
        return Outcome("killed" if code else "survived", seconds, by)

    def _asked(self, request: dict[str, Any]) -> dict[str, Any]:
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        asked = json.dumps(request | {"output": str(self._output)})
        print(asked, file=self._server.stdin, flush=True)
        found: dict[str, Any] = json.loads(self._server.stdout.readline())
        return found

    def _printed(self) -> str:
        return self._output.read_text(errors="replace")

    def close(self) -> None:
        """End the server."""
        self._server.stdin.close()  # type: ignore[union-attr]
        self._server.wait()


def _environment(folder: Path) -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST")}
    return kept | {
        "PYTHONPATH": str(folder / "src"),
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "OMP_NUM_THREADS": "1",
        "HF_HUB_OFFLINE": "1",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    }


class Runner:
    """Copies of a repository that faults are tried in, each in one of them at a time.

    Args:
        repository: where the files are copied from.
        folder: where the copies are made.
        jobs: how many copies there are.
        libraries: what tests import, so that it is imported once.
        extra: seconds of the processor that tests may take beyond `TIMES` what is usual.
    """

    def __init__(
        self,
        repository: Path,
        folder: Path,
        jobs: int,
        libraries: Sequence[str] = LIBRARIES,
        extra: float = EXTRA,
    ) -> None:
        self._extra = extra
        self._pool = ThreadPoolExecutor(jobs)
        self._free: Queue[Copy] = Queue()
        for number in range(jobs):
            self._free.put(Copy(repository, folder / f"copy-{number}", libraries))

    def run(
        self, faults: Sequence[tuple[Target, Mutant]], done: Callable[[Mutant, Outcome], None]
    ) -> None:
        """Run each fault's tests and hand every outcome to `done`.

        Raises RuntimeError if tests fail without a fault.
        """
        targets = list(dict.fromkeys(target for target, _ in faults))
        traced = dict(zip(targets, self._pool.map(self._trace, targets), strict=True))
        found: Iterable[Outcome] = self._pool.map(
            lambda fault: self._run(fault[1], traced[fault[0]]), faults
        )
        for (_, mutant), outcome in zip(faults, found, strict=True):
            done(mutant, outcome)

    def _trace(self, target: Target) -> Traced:
        copy = self._free.get()
        try:
            return copy.trace(*(tuple(f"tests/{t}" for t in tests)
                                for tests in (target.tests, target.processes)))  # fmt: skip
        finally:
            self._free.put(copy)

    def _run(self, mutant: Mutant, traced: Traced) -> Outcome:
        copy = self._free.get()
        try:
            return copy.run(mutant, traced, self._extra)
        finally:
            self._free.put(copy)

    def close(self) -> None:
        """End the servers."""
        self._pool.shutdown()
        while not self._free.empty():
            self._free.get().close()
