"""The rules of the small run: their logs, what they make, and copies of the run without that."""

from __future__ import annotations

import shutil
from pathlib import Path

RUN = Path("results/tiny")
LOGS = {
    "fetch_dataset": "data/*.log",
    "fetch_checkpoint": "checkpoints/*.log",
    "find_leakage": "find_leakage.log",
    "pretrain_backbone": "backbones/*/*.log",
    "finetune_model": "models/*/*/*.log",
    "embed_texts": "embeddings/*/*/*.log",
    "embed_shard": "embeddings/*/*/*/*.log",
    "search_shard": "searches/*/*/*/*.log",
    "score_model": "scores/*/*/*.log",
    "score_bm25": "scores/*/bm25.log",
    "collect_scores": "collect_scores.log",
    "compare_systems": "compare_systems.log",
    "draw_report": "draw_report.log",
}
"""Every rule, in the order of the flow, and its logs below the run's `logs`."""

RULES = list(LOGS)
MADE = [
    ("fetch_dataset", ["data"]),
    ("fetch_checkpoint", ["checkpoints"]),
    ("pretrain_backbone", ["backbones"]),
    ("finetune_model", ["models"]),
    ("embed_texts", ["embeddings"]),
    ("search_shard", ["searches"]),
    ("score_model", ["scores"]),
    ("collect_scores", ["scores.csv*", "significance.csv*", "leakage.csv"]),
    ("draw_report", ["tables", "figures", "manifest.json", "summary.*"]),
]
"""What is made in which order: a rule's products, with those of rules at the same place."""

SAME_PLACE = {
    "embed_shard": "embed_texts",
    "score_bm25": "score_model",
    "compare_systems": "collect_scores",
    "find_leakage": "collect_scores",
}


def logs_of(folder: Path, rule: str) -> list[Path]:
    """Return the logs that the jobs of a rule have written so far."""
    return sorted((folder / RUN / "logs").glob(LOGS[rule]))


PRODUCTS = {
    "fetch_dataset": ["data/*/*"],
    "fetch_checkpoint": ["checkpoints/*/*"],
    "find_leakage": ["leakage.csv"],
    "pretrain_backbone": ["backbones/*/*/*"],
    "finetune_model": ["models/*/*/*/**/*"],
    "embed_texts": ["embeddings/sts/*/*/*/*", "embeddings/retrieval/*/*/*/queries/*"],
    "embed_shard": ["embeddings/retrieval/*/*/*/passages-*/*"],
    "search_shard": ["searches/**/*"],
    "score_model": ["scores/*/starbucks/**/*"],
    "score_bm25": ["scores/*/bm25/**/*"],
    "collect_scores": ["scores.csv*"],
    "compare_systems": ["significance.csv*"],
    "draw_report": ["tables/*", "figures/*", "manifest.json", "summary.*"],
}
"""The files that each rule makes, below the run."""


def made_by(folder: Path, rule: str) -> list[Path]:
    """Return the files that a rule has made in a run."""
    found = [path for pattern in PRODUCTS[rule] for path in (folder / RUN).glob(pattern)]
    return [path for path in found if path.is_file()]


def is_done(folder: Path, rule: str, finished: Path) -> bool:
    """Whether a run has all that a rule has made in a finished one."""
    names = [path.relative_to(finished) for path in made_by(finished, rule)]
    return all((folder / name).is_file() for name in names)


def copy_without(finished: Path, folder: Path, rule: str) -> Path:
    """Copy a finished run, times included, without what a rule and those after it have made."""
    shutil.copytree(finished, folder, symlinks=True, dirs_exist_ok=True)
    remove_from(folder, rule)
    return folder


def remove_from(folder: Path, rule: str) -> None:
    """Remove from a run what a rule and those after it have made."""
    places = [name for name, _ in MADE]
    first = places.index(SAME_PLACE.get(rule, rule))
    for _, patterns in MADE[first:]:
        for pattern in patterns:
            for path in (folder / RUN).glob(pattern):
                shutil.rmtree(path) if path.is_dir() else path.unlink()
