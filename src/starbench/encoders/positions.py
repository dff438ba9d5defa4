"""How long a text an encoder takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def positions_of(model: PreTrainedModel) -> int | None:
    """Return how many tokens a text may have; None for an encoder that has no limit.

    RoBERTa and its kin count positions from behind the id of the padding: of the 514 that their
    configs name, 512 are for tokens.
    """
    most = getattr(model.config, "max_position_embeddings", None)
    if not isinstance(most, int) or most < 1:
        return None
    return most - _first_position(model)


def positions_follow_padding(model: PreTrainedModel) -> bool:
    """Whether positions are counted over the tokens that are not the config's padding."""
    return _first_position(model) > 0


def _first_position(model: PreTrainedModel) -> int:
    padding = getattr(getattr(model, "embeddings", None), "padding_idx", None)
    return 0 if padding is None else int(padding) + 1
