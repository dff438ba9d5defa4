"""A tiny run's config, for tests of single stages."""

from typing import Any

from starbench.config.config import Config
from starbench.config.reading import parse_config


def tiny_value(**changes: Any) -> dict[str, Any]:
    """Return the config of a run on the tiny checkpoint as YAML would give it."""
    value: dict[str, Any] = {
        "run": "tiny",
        "seeds": [1],
        "sizes": [{"layers": 1, "dim": 4}, {"layers": 2, "dim": 8}, {"layers": 4, "dim": 16}],
        "datasets": {
            "train": {"kind": "triplets", "source": "micro", "rows": 60},
            "test": {"kind": "pairs", "source": "micro", "rows": 40},
        },
        "backbones": {"tiny": {"checkpoint": {"name": "nowhere/tiny"}}},
        "systems": {"tiny-srl": {"backbone": "tiny", "objective": "srl"}},
        "tracks": {
            "sts": {
                "tasks": ["test"],
                "finetuning": {
                    "dataset": "train",
                    "batch_size": 8,
                    "steps": 10,
                    "learning_rate": 1.0e-3,
                    "dropout": 0.1,
                    "checkpoint_every": 2,
                    "log_every": 2,
                },
            }
        },
    }
    datasets = value["datasets"] | changes.pop("datasets", {})
    return value | changes | {"datasets": datasets}


def tiny_config(**changes: Any) -> Config:
    """Return the checked config of `tiny_value`."""
    return parse_config(tiny_value(**changes))
