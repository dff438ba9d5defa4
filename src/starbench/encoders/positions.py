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
    """Whether positions are counted over the tokens that are not padding."""
    return padding_not_counted(model) is not None


def padding_not_counted(model: PreTrainedModel) -> int | None:
    """Return the id of the padding that gets no position; None where every token gets one."""
    padding = getattr(getattr(model, "embeddings", None), "padding_idx", None)
    return None if padding is None else int(padding)


def _first_position(model: PreTrainedModel) -> int:
    padding = padding_not_counted(model)
    return 0 if padding is None else padding + 1
