"""The undisturbed run that all others are compared with, and what the suite says at its end."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import yaml

from tests.chaos.attempts import ENVIRONMENT, Costs, costs_of, make
from tests.chaos.contents import files_of, products
from tests.chaos.moments import SEED, SEED_VARIABLE

FOLDER = Path(__file__).parent
SWITCH = "STARBENCH_TEST_CHAOS"
KEPT = "STARBENCH_CHAOS_REFERENCE"
"""Names a folder in which the undisturbed run is kept, so that repeating one test is quick."""


def pytest_collection_modifyitems(items):
    if SWITCH in os.environ:
        return
    for item in items:
        if FOLDER in item.path.parents:
            item.add_marker(pytest.mark.skip(reason="takes long: make test-chaos"))


@dataclass(frozen=True)
class Reference:
    """The run as nothing disturbs it."""

    folder: Path
    products: dict[str, str]
    files: set[str]
    costs: Costs


@dataclass
class Record:
    """What the suite did, for the tables at its end."""

    kills: Counter[tuple[str, str]] = field(default_factory=Counter)
    """{(rule that was aimed at, signal and who got it): kills}"""
    missed: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    """{what was done: how often}"""
    lines: list[str] = field(default_factory=list)
    started: float = field(default_factory=time.monotonic)


RECORD = Record()


@pytest.fixture(scope="session", autouse=True)
def listening():
    """Give children SIGHUP and SIGINT as they are by default: nohup and `&` make them ignored."""
    defaults = {signal.SIGHUP: signal.SIG_DFL, signal.SIGINT: signal.default_int_handler}
    before = {number: signal.signal(number, handler) for number, handler in defaults.items()}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture(scope="session")
def record() -> Record:
    return RECORD


@pytest.fixture(scope="session")
def reference(tmp_path_factory) -> Reference:
    """The small run, made by Snakemake without any disturbance, or kept of an earlier session."""
    kept = os.environ.get(KEPT)
    place = Path(kept).absolute() if kept else tmp_path_factory.mktemp("reference")
    folder, counts = place / "run", place / "counts"
    if not (place / "made").is_file():
        for made in (folder, counts, place / "start"):
            made.mkdir(parents=True)
        value = yaml.safe_load((FOLDER / "chaos.yaml").read_text())
        checkpoint = made_checkpoint(place / "start")
        value["backbones"]["start"]["checkpoint"]["name"] = str(checkpoint)
        (folder / "run.yaml").write_text(yaml.safe_dump(value, sort_keys=False))
        make(folder, CHAOS_COUNTS=str(counts))
        (place / "made").touch()
    return Reference(folder, products(folder), files_of(folder), costs_of(folder, counts))


def made_checkpoint(folder: Path) -> Path:
    """Return a small pre-trained BERT, as a user has one on disk."""
    (folder / "run.yaml").write_bytes((FOLDER / "start.yaml").read_bytes())
    for command in (["data", "--dataset", "stories"],
                    ["pretrain", "--backbone", "base", "--seed", "42"]):  # fmt: skip
        subprocess.run(
            ["starbench", *command, "--config", "run.yaml"],
            cwd=folder,
            env=ENVIRONMENT,
            check=True,
            capture_output=True,
        )
    return folder / "results/start/backbones/base/seed-42"


def pytest_report_header():
    return f"chaos: all draws come from {SEED_VARIABLE}={SEED}"


def pytest_terminal_summary(terminalreporter):
    if not (RECORD.kills or RECORD.counts or RECORD.lines):
        return
    terminalreporter.section(f"chaos, {SEED_VARIABLE}={SEED}")
    counted = [f"{number} x {what}" for what, number in RECORD.counts.items()]
    kills = table_of(RECORD.kills) if RECORD.kills else []
    for line in [*kills, *counted, *RECORD.lines, *spent()]:
        terminalreporter.write_line(line)


def table_of(kills: Counter[tuple[str, str]]) -> list[str]:
    """Return a table of kills, one line per rule, one column per kind of kill."""
    ways = sorted({way for _, way in kills})
    lines = [f"{'kills':20}" + "".join(f"{way:>19}" for way in ways) + f"{'all':>5}"]
    for rule in sorted({rule for rule, _ in kills}):
        counts = [kills[rule, way] for way in ways]
        lines.append(f"{rule:20}" + "".join(f"{n:19}" for n in counts) + f"{sum(counts):5}")
    sums = [sum(n for (_, w), n in kills.items() if w == way) for way in ways]
    return [*lines, f"{'all':20}" + "".join(f"{n:19}" for n in sums) + f"{kills.total():5}"]


def spent() -> list[str]:
    """Return the time that the suite took."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    cpu = sum(usage.ru_utime + usage.ru_stime for usage in used)
    wall = time.monotonic() - RECORD.started
    return [
        f"{RECORD.missed} planned kills came after their run had ended",
        f"{wall:.0f} s; {cpu:.0f} s of processors, those of orphans not counted",
    ]
