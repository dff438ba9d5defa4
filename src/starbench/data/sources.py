"""Where data come from: a dataset in the config names one of the registered sources."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from starbench.schema import Section

Kind = Literal["text", "triplets", "pairs"]


class Source(Section):
    """One dataset: what kind of records it holds and where they come from.

    A new source is a subclass in a file of its own, listed in `starbench.data`; its fields
    are the keys of the config and `records` gives the normalised records of its kind.
    """

    kind: Kind = Field(
        description="What a record is: `text` {text}, `triplets` {anchor, positive, negative}, "
        "`pairs` {sentence1, sentence2, score}."
    )
    name: str = Field(description="The name of the dataset within its source.")
    display: str | None = Field(
        default=None, description="Name in tables and figures; the key itself if not given."
    )
    rows: int | None = Field(
        default=None, ge=1, description="Take at most this many records (all if not given)."
    )

    @abstractmethod
    def records(self, data_root: Path | None) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield (where, record): the place to name in an error, and the source's own record.

        Raises InputError for data that are missing, malformed or out of reach.
        """
