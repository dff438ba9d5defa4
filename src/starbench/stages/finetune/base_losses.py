"""Which base losses can be computed at several sizes, and what to use instead of others."""

from __future__ import annotations

from typing import Any

from torch import nn

from starbench.errors import InputError

CACHED = "give the loss without gradient caching, and `mini_batch_size` to this one"
EVERY_SIZE = "give the loss that it wraps: this one trains every size itself"
INSTEAD = {
    "CachedMultipleNegativesRankingLoss": f"{CACHED}: MultipleNegativesRankingLoss",
    "CachedMultipleNegativesSymmetricRankingLoss": f"{CACHED}: MultipleNegativesRankingLoss",
    "CachedGISTEmbedLoss": f"{CACHED}: MultipleNegativesRankingLoss",
    "GlobalOrthogonalRegularizationLoss": "it gives its terms by name and not as one number: train "
    "with it as a loss of its own",
    "GISTEmbedLoss": "its guide needs the texts: use MultipleNegativesRankingLoss",
    "MultipleNegativesSymmetricRankingLoss": "use MultipleNegativesRankingLoss, whose `directions` "
    "may be symmetric",
    "MatryoshkaLoss": EVERY_SIZE,
    "Matryoshka2dLoss": EVERY_SIZE,
    "AdaptiveLayerLoss": EVERY_SIZE,
    "StarbucksLoss": EVERY_SIZE,
    "LayeredLoss": EVERY_SIZE,
    "MSELoss": "its targets have one width, so they do not fit smaller sizes: use "
    "DistillKLDivLoss or MarginMSELoss",
    "EmbedDistillLoss": "its targets have one width, so they do not fit smaller sizes: use "
    "DistillKLDivLoss or MarginMSELoss",
    "SoftmaxLoss": "its classifier has one width: use CoSENTLoss or a ranking loss",
}
"""What to use in place of losses of sentence-transformers that need the texts or one width."""

IN_BATCH = ("MultipleNegativesRankingLoss",)
"""Losses of sentence-transformers that score every text of a batch with every other."""

DECORATORS = ("ForwardDecorator", "TransformerDecorator")
"""What MatryoshkaLoss and AdaptiveLayerLoss put in the place of a model's forward pass."""


def check_base_loss(loss: nn.Module, aligns_scores: bool) -> None:
    """Raise InputError for a base loss that cannot be computed at several sizes.

    Args:
        loss: the base loss.
        aligns_scores: whether the objective's KL term is over in-batch scores.
    """
    name = type(loss).__name__
    if name in INSTEAD:
        raise InputError(f"{name} cannot be the base loss of several sizes: {INSTEAD[name]}")
    if not hasattr(loss, "compute_loss_from_embeddings"):
        raise InputError(
            f"{name} cannot compute a loss from embeddings (it has no "
            "compute_loss_from_embeddings), so it cannot be the base loss of several sizes"
        )
    if aligns_scores and not _scores_in_batch(loss):
        raise InputError(
            f"kl_over: scores needs a base loss with in-batch scores ({', '.join(IN_BATCH)}); "
            f"{name} has none: use kl_over: dims"
        )


def check_not_wrapped(model: Any) -> None:
    """Raise InputError within a loss that cuts what the model gives: it would be cut twice."""
    forward = vars(model).get("forward")
    if type(forward).__name__ in DECORATORS:
        raise InputError(
            "this loss trains every size itself: use it without MatryoshkaLoss, AdaptiveLayerLoss "
            "or Matryoshka2dLoss around it"
        )


def _scores_in_batch(loss: nn.Module) -> bool:
    return hasattr(loss, "from_scores") or any(
        kind.__name__ in IN_BATCH for kind in type(loss).__mro__
    )
