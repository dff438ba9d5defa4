"""Runs the tests of a module on one fault after another, in copies of the repository."""

from __future__ import annotations

import json
import os
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
from tests.mutation.targets import Target

SERVER = Path(__file__).with_name("server.py")
OLD = 946684800
"""Time of all files of a copy: compiled modules are known by it, and a changed file has another."""

LIBRARIES = (
    "torch transformers sentence_transformers datasets mteb pytest hypothesis numpy scipy.stats "
    "pandas pyarrow.parquet pydantic yaml ir_measures ir_datasets bm25s huggingface_hub faiss "
    "transformers.models.bert.modeling_bert transformers.trainer torch._dynamo accelerate "
    "snakemake.utils jsonschema coverage"
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
    """All tests: the time of each, and the lines of the package that it runs."""

    seconds: dict[str, float]
    lines: dict[str, dict[str, list[str]]]

    def of(self, mutant: Mutant, target: Target, whole: bool) -> list[str]:
        """Return the tests of a target that run the statement of a fault, the fastest file first.

        A fault outside functions has all of them. Tests of other processes come last, if `whole`.
        """
        mine = tuple(f"tests/{test}" for test in target.tests)
        slow = tuple(f"tests/{test}" for test in target.slow)
        tests = set(self.seconds)
        if mutant.within:
            found = self.lines.get(mutant.module, {})
            head = range(mutant.first, mutant.last + 1)
            tests = {test for line in head for test in found.get(str(line), ())}
        tests = {test for test in tests if test.startswith(mine)}
        late = {test for test in self.seconds if whole and test.startswith(slow)}
        fastest: dict[str, float] = {}
        for test in tests | late:
            file = test.partition("::")[0]
            fastest[file] = min(self.seconds[test], fastest.get(file, float("inf")))
        return sorted(
            tests | late,
            key=lambda test: (
                test in late, fastest[test.partition("::")[0]], test.partition("::")[0],
                self.seconds[test], test,
            ),
        )  # fmt: skip


class Copy:
    """A copy of the repository and the server that runs tests in it.

    Args:
        repository: where the files are copied from, as git lists them.
        folder: where the copy is made.
        libraries: what its server imports before the package.
        tests: paths of all tests that it may run.
    """

    def __init__(
        self, repository: Path, folder: Path, libraries: Sequence[str], tests: Sequence[str]
    ) -> None:
        self.folder = folder
        listed = subprocess.run(
            ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
            cwd=repository, check=True, capture_output=True, text=True,
        )  # fmt: skip
        for name in filter(None, listed.stdout.split("\0")):
            if (repository / name).is_file():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(repository / name, folder / name)
                os.utime(folder / name, (OLD, OLD))
        self._server = subprocess.Popen(
            [sys.executable, SERVER, *libraries, "--", *tests],
            cwd=folder, env=_environment(folder), text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )  # fmt: skip

    def trace(self) -> Traced:
        """Run all tests without a fault; RuntimeError if one of them fails."""
        file = self.folder.with_suffix(".json")
        found = self._asked({"kind": "trace", "file": str(file)})
        if found["code"] != 0:
            raise RuntimeError(f"without a fault: {found['by']}")
        return Traced(**json.loads(file.read_text()))

    def run(self, mutant: Mutant, tests: Sequence[str], limit: float) -> Outcome:
        """Return what becomes of a fault in tests that may take `limit` seconds."""
        if not tests:
            return Outcome("unused", 0.0)
        path = self.folder / mutant.module
        whole = path.read_text(encoding="utf-8")
        asked = {"chosen": list(tests), "limit": limit, "module": mutant.module}
        try:
            path.write_text(mutant.source, encoding="utf-8")
            found = {"by": "fresh"}
            if mutant.within:
                sources = {"before": whole, "source": mutant.source}
                found = self._asked({"kind": "swap", **asked, **sources})
            if found["by"] == "fresh":
                found = self._asked({"kind": "fresh", **asked})
        finally:
            path.write_text(whole, encoding="utf-8")
            os.utime(path, (OLD, OLD))
        if found["code"] in (-signal.SIGXCPU, -signal.SIGKILL):
            return Outcome("timeout", found["seconds"])
        return Outcome("killed" if found["code"] else "survived", found["seconds"], found["by"])

    def _asked(self, request: dict[str, Any]) -> dict[str, Any]:
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        print(json.dumps(request), file=self._server.stdin, flush=True)
        line = self._server.stdout.readline()
        if not line.strip():
            raise RuntimeError("the process that runs the tests has ended: do they import?")
        found: dict[str, Any] = json.loads(line)
        return found

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
        targets: whose faults will be tried.
        jobs: how many copies there are.
        libraries: what tests import, so that it is imported once.
        extra: seconds of the processor that tests may take beyond `TIMES` what is usual.
        whole: whether faults that the fast tests leave are tried on the slow ones.
    """

    def __init__(
        self,
        repository: Path,
        folder: Path,
        targets: Sequence[Target],
        jobs: int,
        libraries: Sequence[str] = LIBRARIES,
        extra: float = EXTRA,
        whole: bool = False,
    ) -> None:
        self._extra, self._whole = extra, whole
        self._pool = ThreadPoolExecutor(jobs)
        self._free: Queue[Copy] = Queue()
        used = [(*target.tests, *(target.slow if whole else ())) for target in targets]
        tests = [f"tests/{test}" for test in dict.fromkeys(test for some in used for test in some)]
        for number in range(jobs):
            self._free.put(Copy(repository, folder / f"copy-{number}", libraries, tests))

    def run(
        self, faults: Sequence[tuple[Target, Mutant]], done: Callable[[Mutant, Outcome], None]
    ) -> None:
        """Run each fault's tests and hand every outcome to `done`.

        Raises RuntimeError if tests fail without a fault.
        """
        copy = self._free.get()
        traced = copy.trace()
        self._free.put(copy)
        found: Iterable[Outcome] = self._pool.map(lambda fault: self._run(*fault, traced), faults)
        for (_, mutant), outcome in zip(faults, found, strict=True):
            done(mutant, outcome)

    def _run(self, target: Target, mutant: Mutant, traced: Traced) -> Outcome:
        tests = traced.of(mutant, target, self._whole)
        limit = TIMES * sum(traced.seconds[test] for test in tests) + self._extra
        copy = self._free.get()
        try:
            return copy.run(mutant, tests, limit)
        finally:
            self._free.put(copy)

    def close(self) -> None:
        """End the servers."""
        self._pool.shutdown()
        while not self._free.empty():
            self._free.get().close()
