"""The sections on training: what both trainings share, and what each has besides."""

from __future__ import annotations

import math
from typing import Annotated, Literal

from pydantic import Field

from starbench.config.amounts import HARD_NEGATIVES
from starbench.config.names import Name, Precision, PretrainingName, Stored
from starbench.objectives import PRETRAINING_OBJECTIVES
from starbench.section import Section


class Training(Section):
    """How long and how fast to train; shared by pre-training and fine-tuning."""

    batch_size: int = Field(ge=1, description="Examples per optimisation step.")
    steps: int | None = Field(
        default=None, ge=1, description="Optimisation steps; give this or `epochs`."
    )
    epochs: float | None = Field(
        default=None, gt=0, description="Passes over the training data; give this or `steps`."
    )
    learning_rate: float = Field(gt=0, description="Peak learning rate of AdamW.")
    schedule: Literal["linear", "cosine", "constant"] = Field(
        default="linear", description="Decay of the learning rate after warm-up."
    )
    warmup: float = Field(default=0.0, ge=0, le=1, description="Share of the steps that warms up.")
    warmup_rounding: Literal["up", "nearest"] = Field(
        default="up",
        description="How that share becomes whole steps; `up` is transformers' rule, so the "
        "published one.",
    )
    weight_decay: float = Field(default=0.0, ge=0, description="Weight decay of AdamW.")
    max_grad_norm: float = Field(
        default=1.0, ge=0, description="Gradients are clipped to this norm; 0 for no clipping."
    )
    max_skipped: float = Field(
        default=0.01,
        ge=0,
        le=1,
        description="Share of the steps that may be skipped because their gradient is not "
        "finite; the training ends if there are more. A training of fewer than 100 steps ends at "
        "the first one by default.",
    )
    precision: Precision = Field(
        default="fp32", description="Arithmetic of the forward pass (autocast); weights are fp32."
    )
    gradient_checkpointing: bool = Field(
        default=False, description="Recompute activations instead of keeping them."
    )
    accumulation: int = Field(
        default=1, ge=1, description="Split a step's batch into this many parts (memory)."
    )
    checkpoint_every: int = Field(
        default=500, ge=1, description="Optimisation steps between checkpoints."
    )
    workers: int = Field(
        default=0, ge=0, description="Processes that prepare batches; 0: the training's own."
    )
    log_every: int = Field(default=50, ge=1, description="Optimisation steps between log lines.")
    log_to: list[Literal["tensorboard", "wandb"]] = Field(
        default_factory=list,
        description="Where to log in addition to the console and train_log.jsonl.",
    )


class Pretraining(Training):
    """How one backbone is made from another (or from scratch)."""

    objective: PretrainingName = Field(
        description="; ".join(f"`{name}`: {o.text}" for name, o in PRETRAINING_OBJECTIVES.items())
        + "."
    )
    datasets: list[Name] = Field(min_length=1, description="Datasets of kind `text`.")
    max_length: int = Field(
        default=512, ge=8, description="Window in tokens; longer documents give a random window."
    )
    encoder_mask_rate: float = Field(
        default=0.2, gt=0, lt=1, description="Share of the words masked for the encoder."
    )
    decoder_mask_rate: float = Field(
        default=0.4,
        gt=0,
        lt=1,
        description="Share masked for the decoder, a superset of the encoder's (smae).",
    )
    mask_budget: Literal["tokens", "words"] = Field(
        default="tokens",
        description="What the rates are shares of: `tokens`, the special ones included, where "
        "words are masked as long as they fit (the published collator); `words`.",
    )
    mask_unknown: bool = Field(
        default=False,
        description="Whether [UNK] may be masked and predicted like any other word; the published "
        "collator never does this.",
    )
    random_tokens: Literal["all", "ordinary"] = Field(
        default="all",
        description="What some masked tokens are replaced with at random: `all` tokens of the "
        "vocabulary (the published collator), or `ordinary` ones, which are not special.",
    )
    seed: int | None = Field(
        default=None,
        description="The run's seed that the backbone is made once with, for the models of all "
        "seeds; anew for each seed if not given.",
    )
    bag_of_words_weight: float | None = Field(
        default=None,
        ge=0,
        description="Weight of the bag of words (dupmae); 0.1 if not given.",
    )
    schedule: Literal["linear", "cosine", "constant"] = Field(
        default="cosine", description="Decay of the learning rate after warm-up."
    )
    weights: Stored = Field(
        default="float32",
        description="How the finished backbone is stored. `float16` halves the folder; what is "
        "trained on it starts from the rounded weights, in float32.",
    )

    @property
    def words_weight(self) -> float:
        """The weight of the bag of words."""
        return 0.1 if self.bag_of_words_weight is None else self.bag_of_words_weight


class Use(Section):
    """How a model embeds texts and compares embeddings, where it is not as its checkpoint says."""

    pooling: Literal["mean", "cls", "lasttoken"] | None = Field(
        default=None,
        description="How token vectors become one embedding: their `mean`, the first (`cls`), or "
        "the last (`lasttoken`), which is the one of a decoder that has seen the whole text; as "
        "the checkpoint says if not given, and `mean` where it says nothing.",
    )
    similarity: Literal["cosine", "dot"] | None = Field(
        default=None,
        description="Score of two embeddings, in training and in search; if not given as the "
        "checkpoint says, and `cosine` where it says nothing.",
    )
    max_length: int | None = Field(
        default=None,
        ge=8,
        description="Longest text, of retrieval longest passage, in tokens; the checkpoint's limit "
        "if not given.",
    )
    query_max_length: int | None = Field(
        default=None,
        ge=8,
        description="Training queries: longest query in tokens; `max_length` if not given.",
    )


class GuideOptions(Section):
    """A model that is not trained and says which candidates of a batch are no negatives."""

    backbone: Name = Field(
        description="The guide, a backbone: it embeds at its full size, with the prompts that it "
        "has. Its tokenizer may be another one."
    )
    margin: float = Field(
        default=0.0,
        description="A candidate is left out if the guide finds it more similar to the query than "
        "the query's positive is, less this margin.",
    )
    margin_strategy: Literal["absolute", "relative"] = Field(
        default="absolute",
        description="Whether the margin is a cosine (`absolute`) or a share of the positive's "
        "cosine (`relative`).",
    )
    contrast_anchors: bool = Field(
        default=True, description="Whether a query's candidates include the other queries."
    )
    contrast_positives: bool = Field(
        default=True, description="Whether positives are contrasted with each other as well."
    )


class TeacherOptions(Section):
    """A trained model, fixed, whose in-batch scores every size of a step is pulled towards."""

    system: Name = Field(
        description="The teacher: another system with one model for all sizes. Its model of the "
        "same track and seed embeds at its full size."
    )
    weight: float = Field(
        default=1.0, ge=0, description="Factor of each size's KL(teacher || size)."
    )
    temperature: float = Field(default=1.0, gt=0, description="Temperature inside both softmaxes.")


class Finetuning(Use, Training):
    """How the models of a track are fine-tuned; the same for all its systems unless overridden."""

    dataset: Name | Annotated[list[Name], Field(min_length=1)] = Field(
        description="Dataset of kind `triplets`, `anchor-positive`, `pairs`, `labelled` or "
        "`training-queries`; or several of one kind, whose examples are shuffled together, so that "
        "each has its share of every batch on average."
    )
    loss: Literal["mnrl", "cosent", "softmax"] = Field(
        default="mnrl",
        description="`mnrl`: multiple negatives ranking, a text's own positive against all other "
        "texts of the batch, on triplets, anchors with positives, or training queries; `cosent`: "
        "CoSENT on pairs; `softmax`: cross-entropy of a linear head at each size, on labelled "
        "texts.",
    )
    head_learning_rate: float | None = Field(
        default=None,
        gt=0,
        description="Loss softmax: peak learning rate of the heads, which start from nothing; "
        "`learning_rate` if not given.",
    )
    temperature: float = Field(
        default=0.05,
        gt=0,
        description="What scores are divided by in the loss; sentence-transformers' scale of 20 "
        "is 0.05, the published retrieval code has 1 (with dot).",
    )
    negatives: int | None = Field(
        default=None,
        ge=0,
        description="Training queries: hard negatives of each query in a batch; 7 if not given.",
    )
    passage_choice: Literal["cycled", "drawn"] | None = Field(
        default=None,
        description="Training queries: which passages an epoch takes. `cycled` (if not given): the "
        "negatives of a query are shuffled once, each epoch takes the next of them, and positives "
        "take turns, as Tevatron does; `drawn`: both are drawn anew each epoch.",
    )
    mask_right_answers: bool | None = Field(
        default=None,
        description="Training queries: whether a passage of the batch that is another right answer "
        "of a query is left out of its negatives; no if not given, as in the published code.",
    )
    guide: GuideOptions | None = Field(
        default=None,
        description="The loss mnrl: guided negatives, as in GISTEmbed (arXiv 2402.16829); its "
        "paper's temperature is 0.01.",
    )
    teacher: TeacherOptions | None = Field(
        default=None,
        description="The loss mnrl: a trained model of another system that teaches every size.",
    )
    last_batch: Literal["partial", "filled"] = Field(
        default="partial",
        description="What ends an epoch whose examples are not whole batches: a smaller batch, as "
        "in transformers' Trainer (with several processes or `accumulation` one that is filled "
        "with the epoch's first examples), or one that is `filled` from the next epoch.",
    )
    mini_batch_size: int | None = Field(
        default=None,
        ge=1,
        description="Texts embedded at a time (gradient caching): a step of any batch size needs "
        "the memory of so many texts, and gives the same gradients; all at once if not given.",
    )
    dropout: float | None = Field(
        default=None,
        ge=0,
        lt=1,
        description="Dropout while fine-tuning (a decoder has some in its attention alone); the "
        "backbone's if not given.",
    )
    warmup: float = Field(default=0.1, ge=0, le=1, description="Share of the steps that warms up.")

    @property
    def datasets(self) -> list[str]:
        """The datasets that are trained on."""
        return [self.dataset] if isinstance(self.dataset, str) else list(self.dataset)

    @property
    def hard_negatives(self) -> int:
        """How many hard negatives each training query has in a batch."""
        return HARD_NEGATIVES if self.negatives is None else self.negatives

    @property
    def cycles_passages(self) -> bool:
        """Whether passages of training queries take turns instead of being drawn."""
        return self.passage_choice != "drawn"

    @property
    def masks_right_answers(self) -> bool:
        """Whether other right answers in the batch are left out of a query's negatives."""
        return bool(self.mask_right_answers)


def total_steps(training: Training, rows: int) -> int:
    """Return the optimisation steps of a training on `rows` examples.

    Exactly one of `steps` and `epochs` is given (checked with the config). An epoch that ends with
    a batch of its own is a whole number of steps.
    """
    if training.steps is not None:
        return training.steps
    assert training.epochs is not None
    an_epoch = rows / training.batch_size
    if isinstance(training, Finetuning) and training.last_batch == "partial":
        an_epoch = math.ceil(an_epoch)
    return max(1, math.ceil(training.epochs * an_epoch))


def warmup_steps(training: Training, steps: int) -> int:
    """Return how many of a training's steps warm up."""
    share = training.warmup * steps
    return math.ceil(share) if training.warmup_rounding == "up" else round(share)
