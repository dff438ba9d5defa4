"""Runs the paper's configs whole, with smaller numbers, on stand-ins of all that they fetch.

``python -m tests.rehearsal.rehearse`` from the root of a checkout. It makes the repositories and
collections, serves them on the loopback, runs each config with Snakemake in a folder of its own,
and then the tests beside this file, which look at what came out. The first thing that fails ends
it, with that status.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent
FOLDER = Path("results", "rehearsal")
LIMIT_MINUTES = 30
"""It should take half of that on two quiet cores; more means that something hangs."""

RUNS: dict[str, tuple[str, ...]] = {
    "paper": ("config/paper.yaml", "tests/rehearsal/small.yaml"),
    # The ablation leaves out the pre-training that the smaller numbers are for: it comes last.
    "paper-no-kl": (
        "config/paper.yaml",
        "tests/rehearsal/small.yaml",
        "config/paper/no-kl.yaml",
    ),
    "released": ("config/released.yaml", "tests/rehearsal/small-released.yaml"),
}
"""Run name -> its config files. An ablation starts from backbones of the run before it."""


class RehearsalError(Exception):
    """A part of the rehearsal that failed, in one line."""


class Rehearsal:
    """The stand-ins in a folder, and what runs on them until its time is over."""

    def __init__(self, folder: Path, cores: int) -> None:
        self.folder, self.cores = folder.resolve(), cores
        self.end = time.monotonic() + 60 * LIMIT_MINUTES

    def prepare(self) -> None:
        """Make the repositories and collections anew; nothing of an earlier rehearsal is left."""
        from tests.rehearsal.checkpoints import write_checkpoints
        from tests.rehearsal.local_collections import write_collections
        from tests.rehearsal.repositories import write_datasets

        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        write_datasets(self.folder / "hub")
        write_checkpoints(self.folder / "hub")
        write_collections(self.folder / "collections")

    def run(self, name: str, environment: dict[str, str]) -> None:
        """Run one of `RUNS` to its report."""
        base = ["snakemake", "--snakefile", str(ROOT / "Snakefile")]
        base += ["--directory", str(self.folder), "--configfile"]
        base += [str(ROOT / config) for config in RUNS[name]]
        self._command([*base, "--cores", str(self.cores), "--quiet", "rules"], environment)
        report = self.folder / "results" / name / "report.html"
        self._command([*base, "--report", str(report), "--quiet", "all"], environment)

    def test(self, environment: dict[str, str]) -> None:
        """Run the tests of what the runs left."""
        tests = [sys.executable, "-m", "pytest", "-q", str(HERE / "test_rehearsal.py")]
        self._command(tests, {**environment, "STARBENCH_REHEARSAL": str(self.folder)})

    def _command(self, words: Sequence[str], environment: dict[str, str]) -> None:
        process = subprocess.Popen(words, cwd=ROOT, env=environment, start_new_session=True)
        try:
            status = process.wait(max(1.0, self.end - time.monotonic()))
        except subprocess.TimeoutExpired:
            _stop(process)
            raise RehearsalError(
                f"stopped after {LIMIT_MINUTES} minutes, in: {' '.join(words[:4])} ..."
            ) from None
        except BaseException:
            _stop(process)
            raise
        if status:
            raise RehearsalError(f"status {status} of: {' '.join(words)}")

    def environment(self, hub: str) -> dict[str, str]:
        """Return the environment of the runs: the stand-ins instead of the network, fresh caches.

        Args:
            hub: address of the stand-in of the hub.
        """
        kept = {key: value for key, value in os.environ.items() if not key.startswith("HF_")}
        path = [str(HERE / "site"), *filter(None, [kept.get("PYTHONPATH")])]
        return {
            **kept,
            "PATH": f"{Path(sys.executable).parent}:{kept['PATH']}",
            "PYTHONPATH": os.pathsep.join(path),
            "HF_ENDPOINT": hub,
            "HF_HOME": str(self.folder / "hf-home"),
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "IR_DATASETS_HOME": str(self.folder / "ir-home"),
            "NO_PROXY": "127.0.0.1",
            "STARBENCH_REHEARSAL_COLLECTIONS": str(self.folder / "collections"),
        }


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End a command and all that it started."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


def main() -> int:
    """Rehearse; return 0, or 1 after one line on what failed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, default=ROOT / FOLDER, help=f"emptied ({FOLDER})")
    parser.add_argument("--cores", type=int, default=os.cpu_count() or 1, help="cores to use (all)")
    parser.add_argument("--only", choices=RUNS, nargs="+", default=list(RUNS), help="runs (all)")
    options = parser.parse_args()
    from tests.hub.server import serve

    rehearsal = Rehearsal(options.folder, options.cores)
    try:
        with _Timed("stand-ins"):
            rehearsal.prepare()
        server = serve(rehearsal.folder / "hub")
        environment = rehearsal.environment(server.url)
        for run in options.only:
            with _Timed(run):
                rehearsal.run(run, environment)
        with _Timed("tests"):
            rehearsal.test(environment)
    except RehearsalError as error:
        print(f"rehearsal: {error}", file=sys.stderr)
        return 1
    return 0


class _Timed:
    """Prints how long a part took, and how much of the processors."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __enter__(self) -> None:
        self.start, self.cpu = time.monotonic(), _processor_seconds()

    def __exit__(self, *_: object) -> None:
        seconds = time.monotonic() - self.start
        used = _processor_seconds() - self.cpu
        print(f"rehearsal: {self.name}: {seconds:.0f} s, processors {used:.0f} s", flush=True)


def _processor_seconds() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in used)


if __name__ == "__main__":
    sys.exit(main())
