"""Which modules faults are put into, and which tests have to notice them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Target:
    """Modules below ``src/starbench`` that have the same tests, below ``tests``."""

    name: str
    modules: tuple[str, ...]
    tests: tuple[str, ...]
    slow: tuple[str, ...] = ()
    """Large models, and tests that run the package in processes of their own."""


FINETUNE = "unit/stages/finetune"
PRETRAIN = "unit/stages/pretrain"
EVALUATE = "unit/stages/evaluate"

SOURCES = (
    "unit/sources/test_folder.py",
    "unit/sources/test_judgements.py",
    "unit/sources/test_mining.py",
    "unit/sources/test_hub_collection.py",
    "unit/sources/test_hub_files.py",
    "unit/sources/test_hub_repository.py",
    "unit/stages/data/test_collections.py",
    "unit/stages/data/test_fetch.py",
    "unit/stages/data/test_pinning.py",
    "unit/config/test_config.py",
    "unit/run/test_slices.py",
)

TARGETS = (
    Target(
        "objectives",
        tuple(
            f"objectives/{name}.py"
            for name in (
                "__init__ mrl mse2d objective pretraining separate single srl untouched".split()
            )
        ),
        (
            "unit/objectives",
            "unit/run/test_slices.py",
            "unit/config/test_training.py",
            f"{FINETUNE}/test_layered_loss.py",
            "unit/config/test_config.py",
        ),
        ("golden/test_finetuning.py", f"{PRETRAIN}/test_run.py"),
    ),
    Target(
        "fine-tuning losses",
        tuple(
            f"stages/finetune/{name}.py" for name in "layered_loss ranking_loss step_loss".split()
        ),
        (
            f"{FINETUNE}/test_ranking_loss.py",
            f"{FINETUNE}/test_layered_loss.py",
            f"{FINETUNE}/test_layered_loss_in_scripts.py",
        ),
        ("golden/test_finetuning.py",),
    ),
    Target(
        "pre-training loss",
        tuple(f"stages/pretrain/{name}.py" for name in ("cross_entropy", "masking", "model")),
        (
            f"{PRETRAIN}/test_cross_entropy.py",
            f"{PRETRAIN}/test_masking.py",
            f"{PRETRAIN}/test_model.py",
        ),
        ("golden/test_pretraining.py",),
    ),
    Target(
        "measures",
        ("stages/evaluate/measures.py",),
        (f"{EVALUATE}/test_measures.py",),
        (f"{EVALUATE}/test_retrieval.py",),
    ),
    Target(
        "search",
        ("stages/evaluate/search.py",),
        (
            f"{EVALUATE}/test_search.py",
            f"{EVALUATE}/test_shards.py",
        ),
        (f"{EVALUATE}/test_retrieval.py",),
    ),
    Target(
        "significance",
        ("stages/evaluate/significance.py",),
        (f"{EVALUATE}/test_significance.py", f"{EVALUATE}/test_significance_formulas.py"),
        (f"{EVALUATE}/test_differences.py",),
    ),
    Target(
        "sources of files",
        tuple(f"sources/{name}.py" for name in "beir folder judgements mining source".split()),
        SOURCES,
    ),
    Target(
        "sources of hubs",
        tuple(
            f"sources/{name}.py"
            for name in (
                "hub hub_collection hub_files hub_reading hub_repository ir_datasets".split()
            )
        ),
        SOURCES,
        ("unit/sources/test_hub.py",),
    ),
    Target(
        "config values",
        tuple(f"config/{name}.py" for name in ("merging", "reading", "values", "yaml_text")),
        (
            "unit/config/test_yaml_text.py",
            "unit/config/test_yaml_text_limits.py",
            "unit/config/test_values_limits.py",
            "unit/config/test_config.py",
            "unit/config/test_values.py",
            "unit/config/test_merging.py",
        ),
        ("unit/config/test_collisions.py",),
    ),
)
