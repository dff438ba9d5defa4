"""Kills a process of a run before one of its changes to the run's files.

Python imports this module when it starts, in every process that has the folder in PYTHONPATH. It
counts the changes that the process makes to files of the run: what is opened for writing, renamed,
made or removed. `CHAOS_COUNTS` names a folder in which the counts are kept; `CHAOS_KILL` holds the
change before which a process is killed (see `tests/chaos/moments.py`). Changes that libraries make
in other languages are not seen.
"""

import json
import os
import re
import signal
import sys
from pathlib import Path

RUN_FILES = re.compile(r"(^|/)(results/tiny|\.snakemake/(locks|metadata|incomplete))/")
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
CHANGES = {"open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate"}


def rule_of(words: list[str]) -> str | None:
    """Return the rule that a command line belongs to, `snakemake` of Snakemake itself."""
    # ``python -P -m starbench evaluate model ...``
    names = [Path(word).name for word in words[:4]]
    if "snakemake" in names:
        return "snakemake"
    if "starbench" not in names:
        return None
    stage, *options = words[names.index("starbench") + 1 :] or [""]
    by_option = {
        "data": {"--dataset": "fetch_dataset", "--checkpoint": "fetch_checkpoint",
                 "--leakage": "find_leakage"},
        "pretrain": {"--backbone": "pretrain_backbone"},
        "finetune": {"--model": "finetune_model"},
        "embed": {"--shard": "embed_shard", "--model": "embed_texts"},
        "evaluate": {"shard": "search_shard", "bm25": "score_bm25", "model": "score_model",
                     "collect": "collect_scores", "compare": "compare_systems"},
        "report": {"--config": "draw_report"},
    }  # fmt: skip
    for option, rule in by_option.get(stage, {}).items():
        if option in (options[:1] if stage == "evaluate" else options):
            return rule
    return None


class Changes:
    """Counts the changes of this process and kills before the one that is asked for."""

    def __init__(self, rule: str) -> None:
        self.rule, self.number, self.is_busy = rule, 0, False
        self.counts = None
        if folder := os.environ.get("CHAOS_COUNTS"):
            path = f"{folder}/{rule}.{os.getpid()}"
            self.counts = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        kill = json.loads(os.environ.get("CHAOS_KILL", "null"))
        self.kill = kill if kill and kill["rule"] == rule else None

    def __call__(self, event: str, arguments: tuple) -> None:
        """Take an audit event of Python."""
        if self.is_busy or event not in CHANGES or not is_change(event, arguments):
            return
        self.is_busy = True
        self.number += 1
        if self.counts is not None:
            os.write(self.counts, b".")
        if self.kill and self.number == self.kill["change"]:
            self.end(str(arguments[0]))
        self.is_busy = False

    def end(self, path: str) -> None:
        """Kill, once in a run: of two jobs of a rule the first one that comes here."""
        try:
            mark = os.open(self.kill["mark"], os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
        except FileExistsError:
            return
        os.write(mark, f"{self.rule} before change {self.number}, {path}".encode())
        os.close(mark)
        number = signal.Signals[self.kill["signal"]]
        if self.kill["whom"] == "group":
            os.killpg(0, number)
        else:
            os.kill(os.getpid(), number)


def is_change(event: str, arguments: tuple) -> bool:
    """Whether an event changes a file of the run."""
    path = arguments[0]
    if not isinstance(path, str | bytes | os.PathLike) or not RUN_FILES.search(os.fsdecode(path)):
        return False
    return event != "open" or bool((arguments[2] or 0) & WRITING)


if (found := rule_of(sys.orig_argv)) is not None:
    sys.addaudithook(Changes(found))
