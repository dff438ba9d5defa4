"""The comparisons, a module each."""

from benchmarks.works import (
    codes,
    embedding,
    finetuning_step,
    retrieval_loss,
    search,
    smae,
    sts_grid,
)

WORKS = [
    smae.FP32,
    smae.BF16,
    retrieval_loss.WORK,
    *finetuning_step.WORKS,
    embedding.FP32,
    embedding.BF16,
    sts_grid.WORK,
    search.WORK,
    *codes.WORKS,
]
"""All comparisons, in the order of the flow."""
