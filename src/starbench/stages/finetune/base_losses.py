"""Which base losses can be computed at several sizes, and what to use instead of others."""

from __future__ import annotations

from typing import Any

from torch import nn

from starbench.errors import InputError
from starbench.objectives.objective import Alignment, Objective
from starbench.objectives.summands import Summand, Term

CACHED = "give the loss without gradient caching, and `mini_batch_size` to this one"
EVERY_SIZE = "give the loss that it wraps: this one trains every size itself"
INSTEAD = {
    "CachedMultipleNegativesRankingLoss": f"{CACHED}: MultipleNegativesRankingLoss",
    "CachedMultipleNegativesSymmetricRankingLoss": f"{CACHED}: MultipleNegativesRankingLoss",
    "CachedGISTEmbedLoss": f"{CACHED}: starbench.RankingLoss with a starbench.Guide",
    "GlobalOrthogonalRegularizationLoss": "it gives its terms by name and not as one number: train "
    "with it as a loss of its own",
    "GISTEmbedLoss": "use starbench.RankingLoss with a starbench.Guide",
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

IN_BATCH = ("MultipleNegativesRankingLoss", "RankingLoss")
"""Losses of sentence-transformers that score every text of a batch with every other."""

DECORATORS = ("ForwardDecorator", "TransformerDecorator")
"""What MatryoshkaLoss and AdaptiveLayerLoss put in the place of a model's forward pass."""


def check_base_loss(loss: nn.Module) -> None:
    """Raise InputError for a base loss that cannot be computed at several sizes."""
    name = type(loss).__name__
    if name in INSTEAD:
        raise InputError(f"{name} cannot be the base loss of several sizes: {INSTEAD[name]}")
    if not any(hasattr(loss, name) for name in ("compute_loss_from_embeddings", "loss_at")):
        raise InputError(
            f"{name} cannot compute a loss from embeddings (it has no "
            "compute_loss_from_embeddings), so it cannot be the base loss of several sizes"
        )


def check_summand(loss: nn.Module, summand: Summand, objective: Objective) -> None:
    """Raise InputError for a summand that needs scores which the base loss has not."""
    name = type(loss).__name__
    start = f"objective '{objective.name}': {summand} needs a base loss"
    if isinstance(summand, Term):
        if summand.among != "batch" and not hasattr(loss, "from_scores"):
            raise InputError(
                f"{start} that can rank among '{summand.among}' (RankingLoss); {name} cannot"
            )
    elif summand.over == "scores" and not _scores_in_batch(loss):
        instead = "kl_over: dims" if isinstance(objective, Alignment) else "over dims or vectors"
        raise InputError(
            f"{start} with in-batch scores ({', '.join(IN_BATCH)}); {name} has none: use {instead}"
        )


def check_taught(loss: nn.Module) -> None:
    """Raise InputError for a base loss without in-batch scores, which a teacher pulls."""
    if not _scores_in_batch(loss):
        raise InputError(
            f"a teacher needs a base loss with in-batch scores ({', '.join(IN_BATCH)}); "
            f"{type(loss).__name__} has none"
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
