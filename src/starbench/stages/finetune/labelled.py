"""Training on labelled texts: which examples, and their labels as numbers."""

from __future__ import annotations

from datasets import Dataset
from sentence_transformers import SentenceTransformer

from starbench.run.exports import sizes_trained
from starbench.run.models import Model
from starbench.sizes import Size
from starbench.stages.finetune.heads import HeadsLoss
from starbench.stages.finetune.one_pass import depth_of, width_of

LABEL = "label"


def classes_of(rows: Dataset) -> list[str]:
    """Return the labels of examples, sorted."""
    return sorted(set(rows[LABEL]))


def with_numbers(rows: Dataset) -> Dataset:
    """Return labelled examples with each label's place among the sorted ones in its stead."""
    place = {label: number for number, label in enumerate(classes_of(rows))}
    numbers = [place[label] for label in rows[LABEL]]
    return Dataset.from_dict({"text": list(rows["text"]), LABEL: numbers})


def heads_of(encoder: SentenceTransformer, model: Model, rows: Dataset, seed: int) -> HeadsLoss:
    """Return a head for each size that a model's objective trains, or one for all of them."""
    full = Size(depth_of(encoder), width_of(encoder))
    sizes = sizes_trained(model, full)
    return HeadsLoss(classes_of(rows), sizes, model.objective.shares_heads, seed)
