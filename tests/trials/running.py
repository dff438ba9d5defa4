"""Rows of the table of trials, and what each must show: a line, a status, nothing half-written."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import takewhile
from pathlib import Path

from tests.trials.forks import Command, Done, Forks, run_as_a_process

ROOT = Path(__file__).parents[2]
BASE = Path(__file__).with_name("base.yaml").read_text(encoding="utf-8")
CONFIG = "--config run.yaml"
SEED = "--seed 42"
STS = f"{CONFIG} --track sts --model starbucks {SEED}"
RETRIEVAL = f"{CONFIG} --track retrieval --model starbucks {SEED}"

LOGGED = re.compile(r"\d\d:\d\d:\d\d .*")
"""A line of the log, as `setup_logging` writes them."""
APART = re.compile(r"(results/[^/]+/)?(logs|benchmarks)/|\.snakemake/|\.cache/")
"""What a command may write in any case."""


@dataclass
class Place:
    """The folder in which a row's command runs, and the line of the config that it blames."""

    folder: Path
    line: int = 0

    @property
    def root(self) -> Path:
        """Folder of the run."""
        return self.folder / "results" / "tiny"

    def write(self, name: str, text: str | bytes) -> Path:
        """Write a file below the folder."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8"))
        return path

    def edit(self, *changes: tuple[str, str]) -> None:
        """Write the base config with texts replaced; the line is that of the last new text."""
        text = BASE
        for old, new in changes:
            assert text.count(old) == 1, (
                f"{old!r} stands {text.count(old)} times in the base config"
            )
            before = text[: text.index(old)]
            text = text.replace(old, new)
            # What is the same in both is not what is wrong.
            same = _shared_start(old, new)
            self.line = (before + same).count("\n") + 1 + (new[len(same) :][:1] == "\n")
        self.write("run.yaml", text)

    def blame(self, text: str) -> None:
        """Let the line be that of a text which stands once in the config."""
        whole = (self.folder / "run.yaml").read_text(encoding="utf-8")
        assert whole.count(text) == 1, f"{text!r} stands {whole.count(text)} times"
        self.line = whole[: whole.index(text)].count("\n") + 1


def _shared_start(first: str, second: str) -> str:
    pairs = zip(first, second, strict=False)
    return first[: sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))]


def _base(place: Place) -> None:
    place.write("run.yaml", BASE)


@dataclass(frozen=True)
class Row:
    """One bad input, the command that meets it, and the whole line that the user sees."""

    name: str
    command: str
    """As in a shell; ``starbench`` is left out before a subcommand."""
    line: str
    """A regular expression; ``<line>`` stands for the line of the config that is to blame."""
    make: Callable[[Place], object] = _base
    status: int = 2
    told: str = "err"
    """``err``: the only line; ``lines``: each of several; ``out``, ``any``: one of those there."""
    environment: dict[str, str] = field(default_factory=dict)
    stdout: str = "file"
    as_root: bool = True
    """Whether root may read and write whatever the modes of files say."""
    interrupt: str | None = None
    keeps: str | None = None
    """Regular expression of files that may be new or changed: what was finished before."""
    both_ways: bool = False
    """Whether the row also runs as a process of its own, to the same end."""

    def __str__(self) -> str:
        return self.name

    def command_in(self, place: Place) -> Command:
        """Return the command with its environment."""
        words = shlex.split(self.command)
        words = words if words[0] == "snakemake" else ["starbench", *words]
        return Command(
            words, place.folder, environment() | self.environment, self.stdout, self.as_root,
            self.interrupt,
        )  # fmt: skip


def environment() -> dict[str, str]:
    """Return what every command finds in its environment: little, and nothing of the tests' own."""
    kept = {key: os.environ[key] for key in ("HOME", "LANG", "TMPDIR") if key in os.environ}
    return kept | {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT / "src"),
        "PYTHONNOUSERSITE": "1",
        "STARBENCH_WITHOUT_PLUGINS": "1",
        "OMP_NUM_THREADS": "1",
        "HF_HUB_OFFLINE": "1",
        # Commands set these themselves, but libraries read them when they are imported.
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        "TRANSFORMERS_VERBOSITY": "error",
    }


def files_in(folder: Path) -> dict[str, tuple[int, int]]:
    """Return {file: (size, time)} of all below a folder but logs."""
    found = {}
    for path in folder.rglob("*"):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and not APART.match(name):
            found[name] = (path.stat().st_size, path.stat().st_mtime_ns)
    return found


def try_out(row: Row, forks: Forks, folder: Path, like: Path | None = None) -> Done:
    """Make a row's input, run its command in a fork, and check all that it must show.

    Args:
        row: what to try.
        forks: what runs it.
        folder: an empty folder.
        like: a finished run, of which the command gets a copy.
    """
    place = place_of(row, folder, like)
    before = files_in(place.folder)
    done = forks.run(row.command_in(place), folder)
    check(row, place, done)
    after = files_in(place.folder)
    other = {name for name in {*before, *after} if before.get(name) != after.get(name)}
    left = sorted(name for name in other if not (row.keeps and re.fullmatch(row.keeps, name)))
    assert not left, f"left behind, changed or removed: {left}"
    return done


def place_of(row: Row, folder: Path, like: Path | None) -> Place:
    """Return the folder of a row's command with its input."""
    inner = folder / "in"
    if like is None:
        inner.mkdir()
    else:
        shutil.copytree(like, inner, symlinks=True)
    place = Place(inner)
    row.make(place)
    return place


def check(row: Row, place: Place, done: Done) -> None:
    """Check the status, that there is no traceback, and the one line."""
    said = f"status {done.status}\n{done.out}\n{done.err}"
    assert "Traceback" not in done.out + done.err, said
    assert done.status == row.status, said
    told = list(_told(done.out if row.told in ("out", "any") else done.err, row))
    if row.told == "any":
        told += _told(done.err, row)
    wanted = row.line.replace("<line>", str(place.line))
    matching = [line for line in told if re.fullmatch(wanted, line)]
    if row.told == "none":
        assert not told and not done.err, said
    elif row.told == "lines":
        assert len(told) == len(matching) > 1, said
    elif row.told == "err":
        assert len(told) == len(matching) == 1, said
    else:
        assert len(matching) == 1, said
        assert not done.err or row.told == "any", said


def _told(text: str, row: Row) -> Iterator[str]:
    for line in text.splitlines():
        if line.strip() and not LOGGED.fullmatch(line):
            yield line


def try_both_ways(row: Row, forks: Forks, folder: Path, like: Path | None = None) -> None:
    """Check that a fork and a process of its own do the same."""
    found = []
    for way in ("fork", "process"):
        (folder / way).mkdir()
        place = place_of(row, folder / way, like)
        command = row.command_in(place)
        program = Path(sys.executable).parent / command.words[0]
        if way == "fork":
            done = forks.run(command, folder / way)
        else:
            done = run_as_a_process(command, program, folder / way)
        lines = [re.sub(r"^\d\d:\d\d:\d\d ", "", line) for line in done.err.splitlines()]
        files = sorted(files_in(place.folder))
        found.append((done.status, done.out, lines, files))
    assert found[0] == found[1]
