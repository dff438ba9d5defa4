"""When and how the runs of the suite are killed: all that is drawn stands here."""

from __future__ import annotations

import os
import random
import secrets
from dataclasses import dataclass

from tests.chaos.jobs import RULES

SEED_VARIABLE = "STARBENCH_CHAOS_SEED"
SEED = int(os.environ.get(SEED_VARIABLE) or secrets.randbelow(10**6))
"""What all draws of this session come from."""

WAYS = {
    ("SIGKILL", "group"): 60,
    ("SIGKILL", "job"): 7,
    ("SIGKILL", "snakemake"): 7,
    ("SIGTERM", "group"): 7,
    ("SIGTERM", "job"): 5,
    ("SIGHUP", "group"): 5,
    ("SIGINT", "group"): 6,
    ("SIGINT", "job"): 3,
}
"""(signal, who gets it) and how many of a hundred kills are of this kind."""

TRAININGS = ("pretrain_backbone", "finetune_model")
LATE = ("search_shard", "score_model", "score_bm25", "find_leakage")
LAST = ("collect_scores", "compare_systems", "draw_report")
CHAINS = {
    "whole-1": (None, [*RULES, "snakemake"]),
    "whole-2": (None, [*RULES, "snakemake"]),
    "trainings": ("pretrain_backbone", TRAININGS * 3),
    "embeddings": ("embed_texts", ("embed_texts", "embed_shard") * 2),
    "scores": ("search_shard", LATE * 2),
    "report-1": ("collect_scores", LAST * 2),
    "report-2": ("draw_report", ("draw_report", "snakemake") * 2),
}
"""Chains of kills: the rule from which on the run is to be made (None: all of it), rules to hit."""


@dataclass(frozen=True)
class Kill:
    """One kill: of which rule's job, at which moment, by which signal."""

    rule: str
    signal: str
    whom: str
    """`group`: all processes of the run; `job`; or `snakemake`, whose jobs go on."""
    by_change: bool
    """Whether `place` is among the job's changes to files, or in its time."""
    place: float
    """From 0, the job's start, to 1, its end."""
    unlocks: bool
    """Whether the lock is removed before the next start, as `make run` does."""

    def __str__(self) -> str:
        of = "changes" if self.by_change else "time"
        return f"{self.rule} at {self.place:.3f} of its {of}: {self.signal} to {self.whom}"


def generator(*names: object) -> random.Random:
    """Return the generator of one test's draws."""
    return random.Random(" ".join(map(str, (SEED, *names))))


def repeat_with(test: str) -> str:
    """Return the command that repeats one test with the same draws."""
    return f"{SEED_VARIABLE}={SEED} make test-chaos PYTEST_FLAGS='-k \"{test}\"'"


def kills_of(chain: str) -> list[Kill]:
    """Return the kills of a chain, one after another."""
    draws = generator("kills", chain)
    _, rules = CHAINS[chain]
    return [_kill(draws, rule) for rule in rules]


def _kill(draws: random.Random, rule: str) -> Kill:
    ((signal, whom),) = draws.choices(list(WAYS), WAYS.values())
    if rule == "snakemake" and whom == "job":
        whom = "snakemake"
    # What a job changes itself is reached by counting; a job that others kill, in wall time.
    by_change = whom != "snakemake" and draws.random() < 0.6
    return Kill(rule, signal, whom, by_change or rule == "snakemake", draws.random(),
                draws.random() < 0.8)  # fmt: skip
