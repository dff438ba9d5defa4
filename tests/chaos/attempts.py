"""Starting the small run, killing it, and starting it again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from tests.chaos.hook.sitecustomize import rule_of
from tests.chaos.jobs import RULES, logs_of
from tests.chaos.moments import Kill

ROOT = Path(__file__).parents[2]
HOOK = Path(__file__).with_name("hook")
BIN = Path(sys.executable).parent
ENVIRONMENT = os.environ | {
    "PATH": f"{BIN}:{os.environ['PATH']}",
    "PYTHONPATH": os.pathsep.join(filter(None, [str(HOOK), os.environ.get("PYTHONPATH")])),
    "OMP_NUM_THREADS": "1",
}
LONGEST = 1200
"""Seconds after which a run of seconds counts as one that hangs."""


@dataclass
class Costs:
    """What the jobs of the undisturbed run took, by rule."""

    seconds: dict[str, float]
    changes: dict[str, int]
    """To files of the run."""


@dataclass
class Attempt:
    """One start of a run."""

    folder: Path
    process: subprocess.Popen[bytes]
    output: Path
    started: float = field(default_factory=time.time)

    def text(self) -> str:
        """Return what it has printed."""
        return self.output.read_text(errors="replace")

    def wait(self, seconds: float = LONGEST) -> int:
        """Return its status when it has ended and none of its processes is left."""
        status = self.process.wait(seconds)
        wait_until(lambda: not self.living(), "processes of an ended run live on", seconds)
        return status

    def living(self) -> list[psutil.Process]:
        """Return its processes, orphans included."""
        return [p for p in psutil.process_iter() if _group(p.pid) == self.process.pid and _runs(p)]

    def jobs(self) -> dict[int, str]:
        """Return {process id: rule} of the jobs that run; of Python's processes, not of shells."""
        found = {}
        for process in self.living():
            try:
                rule = rule_of(process.cmdline())
            except psutil.Error:
                continue
            if rule in RULES:
                found[process.pid] = rule
        return found


def _group(pid: int) -> int | None:
    try:
        return os.getpgid(pid)
    except ProcessLookupError:
        return None


def _runs(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def wait_until(done: Callable[[], object], failure: str, seconds: float = LONGEST) -> None:
    """Wait until something is so; fail if it takes too long."""
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline, failure
        time.sleep(0.01)


def snakemake(folder: Path, *arguments: str) -> list[str]:
    """Return the command line of a run in a folder."""
    where = ["--snakefile", str(ROOT / "Snakefile"), "--directory", str(folder)]
    return [
        "snakemake",
        *where,
        "--configfile",
        str(folder / "run.yaml"),
        "--cores",
        "2",
        *arguments,
    ]


def start(folder: Path, *arguments: str, **variables: str) -> Attempt:
    """Start a run as a group of processes of its own."""
    kept = folder / "attempts"
    kept.mkdir(exist_ok=True)
    output = kept / f"{len(list(kept.iterdir()))}.txt"
    with output.open("wb") as out:
        process = subprocess.Popen(
            snakemake(folder, *arguments),
            env=ENVIRONMENT | variables,
            start_new_session=True,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
        )
    return Attempt(folder, process, output)


@contextmanager
def ended_afterwards(attempt: Attempt) -> Iterator[Attempt]:
    """Leave none of an attempt's processes behind, whatever a test finds."""
    try:
        yield attempt
    finally:
        if attempt.living():
            os.killpg(attempt.process.pid, signal.SIGKILL)
        attempt.process.wait()


def make(folder: Path, *arguments: str, **variables: str) -> str:
    """Make a run, or some files of it, and return what is printed."""
    with ended_afterwards(start(folder, *arguments, **variables)) as attempt:
        assert attempt.wait() == 0, attempt.text()
    return attempt.text()


def unlock(folder: Path) -> None:
    """Remove the lock of a killed run, as `make run` does before it starts one."""
    done = subprocess.run(
        ["starbench", "unlock"], cwd=folder, env=ENVIRONMENT, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def killed(folder: Path, kill: Kill, costs: Costs, *arguments: str) -> tuple[Attempt, str | None]:
    """Start a run and kill it; return what it hit, None if the run ended before.

    All that is left afterwards are the jobs of a Snakemake that was killed alone.
    """
    mark = folder / "attempts" / f"kill-{time.monotonic_ns()}"
    variables = {}
    if kill.by_change:
        change = 1 + int(kill.place * costs.changes[kill.rule])
        asked = {"rule": kill.rule, "change": change, "mark": str(mark)}
        asked |= {"signal": kill.signal, "whom": kill.whom}
        variables["CHAOS_KILL"] = json.dumps(asked)
    attempt = start(folder, *arguments, **variables)
    if kill.by_change:
        hit = _wait_for_mark(attempt, mark)
    else:
        hit = _kill_in_time(attempt, kill, costs.seconds[kill.rule])
    if kill.whom == "snakemake":
        attempt.process.wait(LONGEST)
    else:
        attempt.wait()
    mark.unlink(missing_ok=True)
    return attempt, hit


def _wait_for_mark(attempt: Attempt, mark: Path) -> str | None:
    attempt.process.wait(LONGEST)
    return mark.read_text() if mark.is_file() else None


def _kill_in_time(attempt: Attempt, kill: Kill, seconds: float) -> str | None:
    def is_there() -> bool:
        logs = logs_of(attempt.folder, kill.rule)
        return any(path.stat().st_mtime > attempt.started for path in logs)

    wait_until(lambda: is_there() or attempt.process.poll() is not None, "the run hangs")
    time.sleep(kill.place * seconds)
    jobs = attempt.jobs()
    if attempt.process.poll() is not None:
        return None
    number = signal.Signals[kill.signal]
    try:
        if kill.whom == "job":
            aimed = [pid for pid, rule in jobs.items() if rule == kill.rule]
            if not aimed:
                return None
            os.kill(aimed[0], number)
            return kill.rule
        if kill.whom == "snakemake":
            attempt.process.send_signal(number)
        else:
            os.killpg(attempt.process.pid, number)
    except ProcessLookupError:
        return None
    return ", ".join(sorted(set(jobs.values()))) or "between jobs"


def costs_of(folder: Path, counts: Path) -> Costs:
    """Return what an undisturbed run took, from Snakemake's benchmarks and the counted changes."""
    seconds = {}
    for rule in RULES:
        times = []
        for log in logs_of(folder, rule):
            path = Path(str(log).replace("/logs/", "/benchmarks/")).with_suffix(".tsv")
            header, values = (line.split("\t") for line in path.read_text().splitlines()[:2])
            times.append(float(values[header.index("s")]))
        seconds[rule] = min(times)
    changes: Counter[str] = Counter()
    for path in counts.iterdir():
        rule = path.name.split(".")[0]
        changes[rule] = max(changes[rule], path.stat().st_size)
    return Costs(seconds, dict(changes))
