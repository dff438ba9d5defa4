"""A tiny run made by the commands themselves, one after another in this process."""

from pathlib import Path

import yaml

from starbench.cli import main
from starbench.store import hashes

TINY = Path(__file__).with_name("tiny.yaml")
SEED = ["--seed", "42"]
STS = ["--track", "sts", "--model", "starbucks", *SEED]
RETRIEVAL = ["--track", "retrieval", "--model", "starbucks", *SEED]
SHARD = ["--dataset", "library", "--shard"]
COMMANDS = [
    *(["data", "--dataset", name] for name in ("stories", "entailments", "paraphrase")),
    *(["data", "--dataset", name] for name in ("questions", "library", "archive")),
    *(["pretrain", "--backbone", name, *SEED] for name in ("base", "base-smae")),
    *(["finetune", *model] for model in (STS, RETRIEVAL)),
    *(["embed", *RETRIEVAL, *SHARD, number] for number in "12"),
    *(["embed", *model] for model in (STS, RETRIEVAL)),
    *(["evaluate", "shard", *RETRIEVAL, *SHARD, number] for number in "12"),
    *(["evaluate", "model", *model] for model in (STS, RETRIEVAL)),
    ["evaluate", "bm25", "--track", "retrieval"],
    ["evaluate", "collect"],
    ["evaluate", "compare"],
]
"""Everything but the report, in the order in which it depends on one another."""


def write_config(folder: Path) -> None:
    """Write a config of one system on both tracks, with few steps."""
    value = yaml.safe_load(TINY.read_text())
    value["systems"] = {"starbucks": value["systems"]["starbucks"]}
    value["report"] = {"resamples": 100}
    (folder / "run.yaml").write_text(yaml.safe_dump(value))


def starbench(folder: Path, *arguments: str) -> int:
    """Run a command as a process of its own would: what another one has checked is checked anew."""
    hashes._checked.clear()
    where = ["--config", str(folder / "run.yaml"), "--results", str(folder / "results")]
    return main([*arguments, *where])
