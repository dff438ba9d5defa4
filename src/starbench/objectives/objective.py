"""What a fine-tuning objective is: which sizes a step trains, with which weights and alignment."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar, cast

from pydantic import Field

from starbench.objectives.summands import Align, Over, Step, Summand
from starbench.section import Section
from starbench.sizes import Size


class Objective(Section):
    """Options of one fine-tuning objective; a new one is a subclass in a file of its own.

    An objective is data and arithmetic on sizes: the loss itself is computed by
    `starbench.stages.finetune.layered_loss.LayeredLoss` from the summands that `terms` returns.
    """

    summary: ClassVar[str]
    """What it is, in a few words, for the summary of a run."""
    per_size: ClassVar[bool] = False
    """Whether the objective trains one model for each size instead of one for all."""
    trains: ClassVar[bool] = True
    """Whether anything is trained at all."""
    full_size_only: ClassVar[bool] = False
    """Whether the full size is all that is trained, as a model of that size alone would be."""
    reads_sizes: ClassVar[bool] = True
    """Whether training depends on the list of sizes: a new size then trains anew."""

    losses: ClassVar[tuple[str, ...] | None] = None
    """The base losses that it can be summed of; None for any."""

    @property
    def name(self) -> str:
        """The objective's name in the config, its literal `objective`; the class's without one."""
        return str(getattr(self, "objective", type(self).__name__))

    @property
    def scores_in_bf16(self) -> bool:
        """Whether in-batch scores are bfloat16: the option `bf16_scores` of objectives with it."""
        return bool(getattr(self, "bf16_scores", False))

    @property
    def needs_scores(self) -> bool:
        """Whether it reads the in-batch scores of the base loss, which only a ranking loss has."""
        return False

    @property
    def shares_heads(self) -> bool:
        """Whether one linear head serves every size: the option `heads` of objectives with it."""
        return getattr(self, "heads", None) == "shared"

    @property
    def freezes_encoder(self) -> bool:
        """Whether linear heads are all that is trained: the option `encoder`, likewise."""
        return getattr(self, "encoder", None) == "frozen"

    def groups(self, cells: Sequence[Size]) -> list[list[Size]]:
        """Return which cells one model serves, each ascending, if there is not one for all."""
        return [[cell] for cell in cells]

    @abstractmethod
    def terms(self, step: Step) -> list[Summand]:
        """Return the summands of one step's loss: `Term`, `Align` and `Regulariser`.

        It must be a pure function of the step: what it draws, it draws from `step.draw`.
        """


class Alignment(Section):
    """How a smaller size is pulled towards the full one by a KL divergence KL(full || small)."""

    kl_weight: float = Field(
        default=0.3, ge=0, description="Factor of the KL term; 0 switches it off."
    )
    kl_over: str = Field(
        default="dims",
        pattern="^(dims|scores)$",
        description="`dims`: softmax over the dimensions of the raw embedding (published STS "
        "code); `scores`: softmax over the in-batch scores (published retrieval code).",
    )
    kl_temperature: float = Field(
        default=1.0, gt=0, description="Temperature inside both softmaxes."
    )
    kl_detach: bool = Field(
        default=False,
        description="Whether the full size is a fixed teacher (no gradient). The published STS "
        "code leaves it attached, the retrieval code detaches it.",
    )

    @property
    def needs_scores(self) -> bool:
        """Whether the KL term is over the in-batch scores of the base loss."""
        return self.kl_over == "scores" and self.kl_weight > 0

    def aligned(self, student: Size, teacher: Size) -> Align:
        """Return the alignment of one size to another by these options."""
        return Align(
            student,
            teacher,
            self.kl_weight,
            over=cast(Over, self.kl_over),
            temperature=self.kl_temperature,
            detach=self.kl_detach,
        )
