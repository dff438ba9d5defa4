"""A teacher: a trained model whose in-batch scores every size of a step is pulled towards."""

from __future__ import annotations

from sentence_transformers import SentenceTransformer

from starbench.stages.finetune.frozen import FrozenEncoder


class Teacher(FrozenEncoder):
    """Adds weight * KL(softmax(t / T) || softmax(s / T)) at every size that has a base loss.

    t are the in-batch scores of the teacher at its full size and s those of the size, both as the
    base loss makes them; the KL divergence is a mean over the queries. The full size is pulled
    too, so a teacher can keep it where a model of that size alone is.

    Args:
        encoder: the teacher, with its own pooling; it is not trained.
        weight: factor of each size's KL divergence.
        temperature: T.
        prompts: what the teacher has before queries and before passages.
    """

    def __init__(
        self,
        encoder: SentenceTransformer,
        weight: float = 1.0,
        temperature: float = 1.0,
        prompts: tuple[str, str] = ("", ""),
    ) -> None:
        super().__init__(encoder, prompts)
        self.weight, self.temperature = weight, temperature
