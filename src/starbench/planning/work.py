"""What one training, embedding or search does: operations, tokens and memory, on any device."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from starbench.config.amounts import LOGIT_BYTES, PAD_TO, QUERIES_PER_BLOCK
from starbench.config.names import Precision
from starbench.config.training import Finetuning, Pretraining, Training, total_steps
from starbench.encoders.shape import BACKWARD, Encoder
from starbench.objectives.pretraining import PretrainingObjective
from starbench.planning.datasets import DatasetSize
from starbench.planning.lengths import Lengths

PADDED_GROUPS = 1.06
"""Padding where texts are embedded in groups of about one length; an eighth at most."""
PADDED_SORTED = 1.02
"""Padding where texts are sorted by length."""

ACTIVATIONS = {"fp32": 72.0, "bf16": 44.0, "fp16": 44.0}
"""Bytes kept for the backward pass a token, layer and dimension; counted on a BERT layer with
dropout, without attention weights, which GPU kernels do not keep (a test counts again)."""
RECOMPUTED = 4.0
"""The same with gradient checkpointing: a layer's input."""
LOGIT = 6.0
"""Bytes of one score of a vocabulary: in half and in full precision."""
TRAINED = 16
"""Bytes of a trained parameter: weight, gradient and AdamW's two averages."""
FIXED = 4
"""Bytes of a parameter that is not trained."""
SPARE = 1.2
"""What a GPU's allocator loses."""
CONTEXT = 0.8e9
"""Bytes of a GPU's libraries."""


@dataclass(frozen=True)
class TrainingWork:
    """A whole training, of all processes together."""

    steps: int
    operations: float
    """Floating-point operations of all steps."""
    tokens: float
    """Tokens that are made of text, and masked or put together."""
    calls: float
    """Forward and backward calls of a layer, one process's."""
    parameters: int
    memory: float
    """Bytes of one device, at most."""


def pretraining_work(
    encoder: Encoder,
    settings: Pretraining,
    documents: Lengths,
    rows: int,
    sizes: int,
    objective: PretrainingObjective,
    devices: int,
) -> TrainingWork:
    """Return what pre-training on `rows` documents takes.

    Vocabulary scores are there for predicted positions alone, for each of `sizes`; the auto-encoder
    makes keys and values once and the rest for each size (`starbench.stages.pretrain.model`).
    """
    texts = documents.cut(settings.max_length)
    part = max(1, settings.batch_size // (settings.accumulation * devices))
    padded = PAD_TO * math.ceil(texts.longest_of(part) / PAD_TO)
    encode = encoder.forward(padded, padded)
    masked = settings.encoder_mask_rate * texts.mean
    predict = (masked + texts.mean * objective.bag_of_words) * sizes * encoder.head()
    rate = 1.0 if objective.decodes_all else settings.decoder_mask_rate
    hidden = rate * texts.mean if objective.autoencoder else 0.0
    decode = _decoding(encoder, padded, hidden, sizes) if objective.autoencoder else 0.0
    decoders = (sizes if encoder.decodes_whole else 1) * objective.autoencoder
    passes = 1 + BACKWARD
    kept = passes + settings.gradient_checkpointing
    a_text = kept * encode + passes * (predict + decode)
    steps = total_steps(settings, rows)
    logits = part * max(masked, hidden) * sizes * encoder.vocabulary
    losses = LOGIT * min(logits, LOGIT_BYTES["cuda"] / 2) + 8.0 * encoder.vocabulary * encoder.width
    return TrainingWork(
        steps,
        steps * settings.batch_size * a_text,
        steps * settings.batch_size * texts.mean,
        steps * settings.accumulation * (encoder.layers + decoders),
        encoder.parameters(),
        _memory(encoder, encoder.layers, part * padded, padded, settings) + losses,
    )


def _decoding(encoder: Encoder, padded: float, hidden: float, sizes: int) -> float:
    """Operations of the decoder on one text, for all sizes; `hidden` tokens are predicted."""
    if encoder.decodes_whole:
        return sizes * (encoder.forward(padded, padded, 1) + hidden * encoder.head())
    width, deep = encoder.width, 4 * encoder.width * encoder.intermediate
    once = 4.0 * width**2 * padded + hidden * (2.0 * width**2 + encoder.attention(padded))
    each = hidden * sizes * (2.0 * width**2 + deep + encoder.head())
    return once + each


def finetuning_work(
    encoder: Encoder,
    layers: int,
    settings: Finetuning,
    data: DatasetSize,
    devices: int,
    beside: Sequence[Encoder] = (),
    frozen: bool = False,
) -> TrainingWork:
    """Return what fine-tuning the first `layers` layers of a backbone takes.

    What is `beside` it, a guide or a teacher, embeds the same texts once, at all its layers,
    without a backward pass; so does a frozen backbone, whose heads alone are trained.
    """
    longest = min(settings.max_length or encoder.positions, encoder.positions)
    columns = [(_texts_per_example(data.kind, settings), data.texts.cut(longest))]
    if data.kind == "training-queries":
        asked = min(settings.query_max_length or longest, longest)
        columns.append((1, data.asked.cut(asked)))
    tokens = [PADDED_GROUPS * count * texts.mean for count, texts in columns]
    passes = 1 if frozen else 1 + BACKWARD
    if not frozen and (settings.gradient_checkpointing or settings.mini_batch_size):
        passes += 1
    a_row = passes * sum(
        encoder.forward(total, texts.attended, layers)
        for total, (_, texts) in zip(tokens, columns, strict=True)
    )
    depth = round(layers / (1 + BACKWARD)) if frozen else layers
    for other in beside:
        a_row += sum(
            other.forward(total, texts.attended)
            for total, (_, texts) in zip(tokens, columns, strict=True)
        )
        depth += round(other.layers / (1 + BACKWARD))
    steps = total_steps(settings, data.records)
    rows = max(1, settings.batch_size // (settings.accumulation * devices))
    at_once = rows * sum(tokens)
    if settings.mini_batch_size:
        at_once = min(at_once, settings.mini_batch_size * columns[0][1].longest_of(rows))
    groups = len(columns) * settings.accumulation
    examples = _examples(settings, data.records, steps, settings.accumulation * devices)
    return TrainingWork(
        steps,
        examples * a_row,
        examples * sum(tokens) / PADDED_GROUPS,
        steps * groups * depth,
        encoder.parameters(layers),
        _memory(encoder, layers, at_once, columns[0][1].attended, settings)
        + sum(FIXED * other.parameters() for other in beside),
    )


def _examples(settings: Finetuning, rows: int, steps: int, parts: int) -> int:
    """Return the examples of `steps` steps: fewer where epochs end with smaller batches."""
    if parts > 1 or settings.last_batch == "filled":
        return steps * settings.batch_size
    epochs, more = divmod(steps, max(1, math.ceil(rows / settings.batch_size)))
    return epochs * rows + min(rows, more * settings.batch_size)


def _texts_per_example(kind: str, settings: Finetuning) -> int:
    if kind == "training-queries":
        return 1 + settings.hard_negatives
    return {"triplets": 3, "labelled": 1}.get(kind, 2)


def _memory(
    encoder: Encoder, layers: int, tokens: float, length: float, settings: Training
) -> float:
    """Return a device's bytes: what is trained, and what the backward pass needs of `tokens`."""
    parameters = encoder.parameters(layers)
    weights = parameters * (TRAINED + (0 if settings.precision == "fp32" else 2))
    a_layer = tokens * encoder.width * ACTIVATIONS[settings.precision]
    kept = layers * a_layer
    if settings.gradient_checkpointing:
        kept = layers * tokens * encoder.width * RECOMPUTED + a_layer
    return CONTEXT + weights + SPARE * kept


@dataclass(frozen=True)
class EmbeddingWork:
    """The embedding of texts at every layer, in one pass."""

    operations: float
    tokens: float
    texts: int
    calls: float
    memory: float
    """Bytes of one device, at most."""


def embedding_work(
    encoder: Encoder,
    layers: int,
    texts: Lengths,
    count: int,
    batch_tokens: int,
    precision: Precision,
) -> EmbeddingWork:
    """Return what embedding `count` texts (cut already) with `layers` layers takes."""
    tokens = PADDED_SORTED * count * texts.mean
    state = batch_tokens * encoder.width * (4 if precision == "fp32" else 2)
    weights = encoder.parameters(layers) * (4 if precision == "fp32" else 6)
    wide = batch_tokens * encoder.intermediate * 8
    return EmbeddingWork(
        encoder.forward(tokens, texts.attended, layers),
        tokens / PADDED_SORTED,
        count,
        math.ceil(tokens / batch_tokens) * layers,
        CONTEXT + weights + SPARE * ((layers + 1) * state + 8 * state + wide),
    )


@dataclass(frozen=True)
class SearchWork:
    """The exact search of one collection by one model at all its cells."""

    operations: float
    scores: float
    """Scores that are compared with the best so far."""
    bytes_read: float
    """Stored embeddings that are read, once for each block of queries."""


def search_work(
    queries: int,
    passages: int,
    dims_by_layer: dict[int, list[int]],
    bytes_per_number: int,
    queries_per_block: int = QUERIES_PER_BLOCK,
) -> SearchWork:
    """Return what ranking `passages` for each query at every (layer, dim) takes."""
    widest = sum(max(dims) for dims in dims_by_layer.values())
    cells = sum(len(dims) for dims in dims_by_layer.values())
    blocks = math.ceil(queries / queries_per_block)
    return SearchWork(
        2.0 * queries * passages * widest,
        float(queries) * passages * cells,
        float(blocks) * passages * widest * bytes_per_number,
    )
