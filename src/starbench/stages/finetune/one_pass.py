"""One forward pass of a SentenceTransformer that gives the embedding of every wanted layer."""

# B = texts (all columns of a step together), T = tokens, W = width of the model

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from inspect import signature
from typing import Any, NamedTuple

import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Pooling
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from starbench.encoders import families
from starbench.encoders.padding import right_padded

TEXT_INPUTS = ("input_ids", "attention_mask", "token_type_ids")
PROMPT_LENGTH = "prompt_length"
"""Tokens at the start of a text that are its prompt's; some models leave them out of pooling."""
NORMALIZE = "Normalize"
MIN_ROWS = 16
"""Fewer rows in a forward pass than this cost more in calls than they save in padding."""


class _Group(NamedTuple):
    """Texts of about one length: their rows in the batch, and the tokens of the longest."""

    rows: Tensor
    length: int

    @property
    def tokens(self) -> int:
        """Tokens of all rows, padded."""
        return len(self.rows) * self.length


def unwrapped(model: nn.Module) -> SentenceTransformer:
    """Return the SentenceTransformer inside DistributedDataParallel or torch.compile wrappers."""
    while not isinstance(model, SentenceTransformer):
        inner = getattr(model, "module", None) or getattr(model, "_orig_mod", None)
        if inner is None:
            raise TypeError(f"expected a SentenceTransformer, got {type(model).__name__}")
        model = inner
    return model


def depth_of(model: nn.Module) -> int:
    """Return the number of transformer layers of a SentenceTransformer."""
    return families.depth_of(unwrapped(model)[0].auto_model)


def width_of(model: nn.Module) -> int:
    """Return the number of dimensions of the embeddings of a SentenceTransformer."""
    return int(unwrapped(model).get_embedding_dimension())


def normalises(model: nn.Module) -> bool:
    """Whether the last module of a SentenceTransformer is a normalisation."""
    return type(list(unwrapped(model).children())[-1]).__name__ == NORMALIZE


def embed_columns(
    model: nn.Module,
    columns: Sequence[dict[str, Any]],
    layers: Sequence[int],
    mini_batch_size: int | None = None,
) -> dict[int, list[Tensor]]:
    """Embed the columns of a training step, every wanted layer from one pass over each text.

    All columns are put together, sorted by length and embedded in groups with little padding.

    With a `mini_batch_size` a group has no more texts than that, and of most groups only the
    embeddings are kept: when their gradients are known, the group is embedded again, for the
    gradients of the weights (gradient caching, Gao et al. 2021, arXiv 2101.06983). Activations
    are then those of the `mini_batch_size` longest texts, gradients the same, and time up to a
    third more. The largest groups that fit into this memory are embedded once: their turn in the
    backward pass is first.

    Args:
        model: a SentenceTransformer, possibly wrapped for distributed training. Its first module
            gives token vectors; the modules after it (pooling ...) are applied to each layer.
        columns: one dict of ``input_ids`` (rows, T) and ``attention_mask`` (rows, T) a column.
        layers: numbers of layers; the depth of the model is its ordinary output.
        mini_batch_size: texts embedded at a time, None for all of about one length.

    Returns:
        For each of `layers` the embeddings (rows, W) of each column, neither cut nor normalised
        at the end, even if the model itself does so: a size is cut first.
    """
    batch, rows = _merged(columns)
    table = _shared_table(model, batch) if torch.is_grad_enabled() else None
    lengths = batch["attention_mask"].sum(dim=1)
    order = torch.argsort(lengths, descending=True, stable=True)
    cut = _groups(order, lengths, mini_batch_size)
    once = _embedded_once(cut, mini_batch_size)
    groups: dict[int, dict[int, Tensor]] = {}
    # The backward pass starts with what was embedded last.
    for number in sorted(range(len(cut)), key=lambda number: cut[number].tokens):
        features = _rows_of(batch, *cut[number])
        groups[number] = _embed(model, features, layers, number not in once, table)
    back = torch.argsort(order)
    return {
        layer: list(
            torch.cat([groups[n][layer].float() for n in range(len(cut))])[back].split(rows)
        )
        for layer in layers
    }


def _embed(
    model: nn.Module,
    features: dict[str, Tensor],
    layers: Sequence[int],
    twice: bool,
    table: Tensor | None,
) -> dict[int, Tensor]:
    """Embed one padded group, if `twice` without keeping its activations."""
    if not twice or not torch.is_grad_enabled():
        return _embed_group(model, features, layers, table)
    # DistributedDataParallel must see the first pass only: the second is within its backward.
    passes = iter((model, unwrapped(model)))

    def embed(features: dict[str, Tensor]) -> dict[int, Tensor]:
        return _embed_group(next(passes), features, layers, table)

    embedded: dict[int, Tensor] = checkpoint(embed, features, use_reentrant=False)
    return embedded


def _shared_table(model: nn.Module, batch: dict[str, Tensor]) -> Tensor | None:
    """Return the vectors of a step's tokens (tokens that differ, W); `input_ids` become its rows.

    The backward pass of a lookup makes a gradient of the whole vocabulary: so there is one lookup
    a step in the vocabulary, and those of the groups are in this table. None for models whose
    token vectors are more than a lookup.
    """
    transformer = unwrapped(model)[0].auto_model
    embedding = transformer.get_input_embeddings()
    plain = type(embedding) is nn.Embedding and embedding.max_norm is None
    if not plain or "inputs_embeds" not in signature(transformer.forward).parameters:
        return None
    tokens, batch["input_ids"] = batch["input_ids"].unique(return_inverse=True)
    return nn.functional.embedding(tokens, embedding.weight)


def _embed_group(
    model: nn.Module, features: dict[str, Tensor], layers: Sequence[int], table: Tensor | None
) -> dict[int, Tensor]:
    """Embed one padded group: {layer: (B, W)}. The wrapped model is called, so that DDP sees it."""
    inner = unwrapped(model)
    if table is not None:
        features = dict(features)
        rows = features.pop("input_ids")
        features["inputs_embeds"] = nn.functional.embedding(rows, table)
    features, pooled_mask = _without_prompt(inner, features)
    with _giving_hidden_states(inner[0].auto_model.config):
        output = model(dict(features))
    depth = depth_of(inner)
    hidden_LBTW = output["all_layer_embeddings"]
    norm = families.final_norm(inner[0].auto_model)
    as_it_is = pooled_mask is None and not normalises(inner)
    kept = features if pooled_mask is None else {**features, "attention_mask": pooled_mask}
    return {
        layer: output["sentence_embedding"]
        if layer == depth and as_it_is
        else _after_transformer(inner, {**kept, "token_embeddings": norm(hidden_LBTW[layer])})
        for layer in layers
    }


@contextmanager
def _giving_hidden_states(config: Any) -> Iterator[None]:
    """Make a transformer give every layer's states, and keep no keys and values of a decoder."""
    asked = {"output_hidden_states": True}
    if hasattr(config, "use_cache"):
        asked["use_cache"] = False
    before = {key: getattr(config, key) for key in asked}
    try:
        for key, value in asked.items():
            setattr(config, key, value)
        yield
    finally:
        for key, value in before.items():
            setattr(config, key, value)


def _after_transformer(model: SentenceTransformer, features: dict[str, Tensor]) -> Tensor:
    following = list(model.children())[1:]
    for module in following[:-1] if normalises(model) else following:
        features = module(features)
    return features["sentence_embedding"]


def _without_prompt(
    model: SentenceTransformer, features: dict[str, Tensor]
) -> tuple[dict[str, Tensor], Tensor | None]:
    """Return features without the length of prompts, and the mask of pooling if it differs.

    The texts of a step may have prompts of other lengths, which the library's pooling cannot tell.
    """
    features = dict(features)
    length_B = features.pop(PROMPT_LENGTH, None)
    pools = [module for module in model.children() if isinstance(module, Pooling)]
    if length_B is None or all(module.include_prompt for module in pools):
        return features, None
    mask_BT = features["attention_mask"]
    place_T = torch.arange(mask_BT.shape[1], device=mask_BT.device)
    return features, mask_BT * (place_T >= length_B.unsqueeze(1))


def _merged(columns: Sequence[dict[str, Any]]) -> tuple[dict[str, Tensor], list[int]]:
    """Stack all columns, padded on the right to the longest text: ({name: (B, T)}, rows each).

    Columns may be padded on either side.
    """
    names = [name for name in TEXT_INPUTS if name in columns[0]]
    longest = max(column["input_ids"].shape[1] for column in columns)
    # Padding needs no id of its own: the attention mask hides whatever is there.
    batch = {
        name: torch.cat(
            [
                nn.functional.pad(column[name], (0, longest - column[name].shape[1]))
                for column in columns
            ]
        )
        for name in names
    }
    batch = right_padded(batch)
    if any(PROMPT_LENGTH in column for column in columns):
        batch[PROMPT_LENGTH] = torch.cat([_prompt_lengths(column) for column in columns])
    return batch, [len(column["input_ids"]) for column in columns]


def _prompt_lengths(column: dict[str, Any]) -> Tensor:
    """Return the length of each row's prompt, which may be given as one number for all rows."""
    ids = column["input_ids"]
    lengths = torch.as_tensor(column.get(PROMPT_LENGTH, 0), device=ids.device).reshape(-1)
    return lengths.expand(len(ids)) if len(lengths) == 1 else lengths


def _embedded_once(groups: Sequence[_Group], mini_batch_size: int | None) -> set[int]:
    """Return the numbers of the groups whose activations are kept for the backward pass.

    Those are the largest, of no more tokens together than the longest `mini_batch_size` texts,
    but one at least; all without a `mini_batch_size`.
    """
    padded = [group.length for group in groups for _ in group.rows]
    budget = sum(padded[:mini_batch_size])
    once: set[int] = set()
    for number in sorted(range(len(groups)), key=lambda number: -groups[number].tokens):
        budget -= groups[number].tokens
        if once and budget < 0:
            break
        once.add(number)
    return once


def _rows_of(batch: dict[str, Tensor], rows: Tensor, length: int) -> dict[str, Tensor]:
    return {
        name: tensor[rows] if name == PROMPT_LENGTH else tensor[rows, :length]
        for name, tensor in batch.items()
    }


def _groups(order: Tensor, lengths: Tensor, most: int | None = None) -> list[_Group]:
    """Cut rows sorted from long to short where padding would cost more than an eighth.

    No group has more than `most` rows.
    """
    sorted_lengths = lengths[order].tolist()
    cuts, first = [0], 0
    for row, length in enumerate(sorted_lengths):
        enough = row - first >= MIN_ROWS and len(sorted_lengths) - row >= MIN_ROWS
        full = most is not None and row - first >= most
        if full or (enough and length < sorted_lengths[first] * 7 / 8):
            cuts.append(row)
            first = row
    parts = order.tensor_split(cuts[1:])
    return [_Group(rows, sorted_lengths[cut]) for rows, cut in zip(parts, cuts, strict=True)]
