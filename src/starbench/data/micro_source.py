"""Source `micro`: a generated miniature English, so that everything runs with no data at all."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, model_validator

from starbench.data.micro import PAIR_SETS, pairs, texts, triplets
from starbench.data.sources import Source
from starbench.errors import did_you_mean


class MicroSource(Source):
    """Records drawn from a seeded grammar over a small world (see `starbench.data.micro`)."""

    source: Literal["micro"] = Field(description="Data made here by the generated language.")
    name: str = Field(
        default="paraphrase",
        description=f"For `pairs` which of the graded sets is made: {', '.join(PAIR_SETS)}.",
    )
    rows: int = Field(ge=1, description="How many records to make.")
    seed: int = Field(default=1, ge=0, description="Seed of the generator.")

    @model_validator(mode="after")
    def _known_pair_set(self) -> MicroSource:
        if self.kind == "pairs" and self.name not in PAIR_SETS:
            raise ValueError(f"no micro pair set '{self.name}'{did_you_mean(self.name, PAIR_SETS)}")
        return self

    def records(self, data_root: Path | None) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield the generated records; `data_root` is not used."""
        if self.kind == "text":
            made = texts(self.rows, self.seed)
        elif self.kind == "triplets":
            made = triplets(self.rows, self.seed)
        else:
            made = pairs(self.rows, self.seed, self.name)
        for number, record in enumerate(made, start=1):
            yield f"micro {self.kind} {number}", record
