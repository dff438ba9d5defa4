"""How far a family's results are from plain computations that share nothing with them."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.losses import MultipleNegativesRankingLoss
from sentence_transformers.sentence_transformer.modules import Pooling, Transformer
from torch import Tensor, nn
from transformers import AutoModel, PreTrainedModel

from starbench import Size, StarbucksLoss, cut, save
from starbench.encoders.cutting import cut_to_depth
from starbench.encoders.families import FAMILIES, encoder_of, final_norm
from starbench.encoders.onnx_model import why_no_onnx, write_onnx
from starbench.encoders.shape import read_encoder
from starbench.errors import InputError
from starbench.stages.export.vectors import cosines, onnx_embed, torch_embed
from starbench.stages.finetune.one_pass import embed_columns
from starbench.stages.pretrain.masking import UNLABELLED
from starbench.stages.pretrain.model import PretrainingModel
from tests.families import models

SIZES = [Size(1, 4), Size(2, 8), Size(4, 16)]
LENGTHS = (9, 5, 12, 3, 7, 6)
FIRST_WORD = 5
"""The first id that is no special token's."""


def texts() -> list[Tensor]:
    """Return token ids of a few texts of different lengths."""
    draw = torch.Generator().manual_seed(2)
    return [torch.randint(FIRST_WORD, 40, (length,), generator=draw) for length in LENGTHS]


def features(rows: Sequence[Tensor], side: str, padding: int, longest: int = 14) -> dict[str, Any]:
    """Return texts padded on a side; `longest` is longer than any of them."""
    ids = torch.full((len(rows), longest), padding)
    mask = torch.zeros_like(ids)
    for number, row in enumerate(rows):
        where = slice(None, len(row)) if side == "right" else slice(longest - len(row), None)
        ids[number, where] = row
        mask[number, where] = 1
    return {"input_ids": ids, "attention_mask": mask}


def largest(pairs: Iterator[tuple[Tensor, Tensor]]) -> float:
    """Return the largest difference of pairs of tensors."""
    return max(float((one - other).detach().abs().max()) for one, other in pairs)


def cut_and_reloaded(family: str) -> float:
    """One pass against the model cut to each depth, saved and loaded again."""
    model = models.encoder(family)
    batch = features(texts(), "right", model.config.pad_token_id or 0)
    real = batch["attention_mask"].bool()
    hidden = model(**batch, output_hidden_states=True).hidden_states
    norm = final_norm(model)

    def pairs() -> Iterator[tuple[Tensor, Tensor]]:
        for depth in range(1, models.DEPTH + 1):
            with tempfile.TemporaryDirectory() as folder:
                cut_to_depth(model, depth).save_pretrained(folder)
                loaded = AutoModel.from_pretrained(folder).eval()
            last = depth == models.DEPTH
            ours = hidden[depth] if last else norm(hidden[depth])
            yield ours[real], loaded(**batch).last_hidden_state[real]

    with torch.no_grad():
        return largest(pairs())


def planned_parameters(family: str) -> int:
    """Return how far planned parameters are from those of the cut and reloaded models."""
    model, off = models.encoder(family), 0
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder)
        planned = read_encoder(Path(folder) / "config.json")
        for depth in range(1, models.DEPTH + 1):
            cut_to_depth(model, depth).save_pretrained(folder)
            loaded = AutoModel.from_pretrained(folder)
            if getattr(loaded, "pooler", None) is not None:
                loaded.pooler = None
            real = sum(parameter.numel() for parameter in loaded.parameters())
            off = max(off, abs(real - planned.parameters(depth)))
    return off


def sentence_transformer(family: str, pooling: str) -> SentenceTransformer:
    """Return a SentenceTransformer of the tiny model."""
    with tempfile.TemporaryDirectory() as folder:
        models.write_checkpoint(Path(folder), family)
        transformer = Transformer(folder)
    if family in FAMILIES and FAMILIES[family].causal:
        transformer.tokenizer.pad_token = models.END
    return SentenceTransformer(
        modules=[transformer, Pooling(models.WIDTH, pooling_mode=pooling)], device="cpu"
    )


def plain_pooling(states_TW: Tensor, pooling: str) -> Tensor:  # noqa: N803
    """Return the embedding of one text without padding."""
    if pooling == "mean":
        return states_TW.mean(0)
    return states_TW[0 if pooling == "cls" else -1]


def padded(family: str, side: str, pooling: str) -> float:
    """Embeddings of padded texts against those of each text alone; and their gradients."""
    model = sentence_transformer(family, pooling).eval()
    transformer = model[0].auto_model
    batch = features(texts(), side, transformer.config.pad_token_id or 0)
    layers = [1, 3, models.DEPTH]
    embedded = embed_columns(model, [batch], layers)
    weight = torch.linspace(-1, 1, models.WIDTH)
    ours = _gradients(transformer, sum((embedded[n][0] @ weight).sum() for n in layers))
    alone = {n: [] for n in layers}
    for row in texts():
        hidden = transformer(input_ids=row[None], output_hidden_states=True).hidden_states
        for n in layers:
            states = hidden[n] if n == models.DEPTH else final_norm(transformer)(hidden[n])
            alone[n].append(plain_pooling(states[0], pooling))
    plain = {n: torch.stack(rows) for n, rows in alone.items()}
    theirs = _gradients(transformer, sum((plain[n] @ weight).sum() for n in layers))
    scale = max(float(gradient.abs().max()) for gradient in theirs.values())
    return max(
        largest((embedded[n][0], plain[n]) for n in layers),
        largest((ours[name], theirs[name]) for name in theirs) / scale,
    )


def _gradients(model: nn.Module, loss: Any) -> dict[str, Tensor]:
    model.zero_grad()
    loss.backward()
    return {n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None}


SENTENCES = ["the cat sleeps", "a red boat", "the old woman paints a blue boat ."]
SMALL = Size(2, 8)


def exported(family: str) -> float:
    """Vectors of a size that is cut, saved and loaded again, against one pass of the model."""
    model = sentence_transformer(family, "mean").eval()
    rows = model.preprocess(SENTENCES)
    with tempfile.TemporaryDirectory() as folder, torch.no_grad():
        save(cut(model, SMALL), Path(folder) / "small")
        loaded = SentenceTransformer(str(Path(folder) / "small"), device="cpu")
        found = loaded.encode(SENTENCES, convert_to_tensor=True)
        whole = embed_columns(model, [dict(rows)], [SMALL.layers])[SMALL.layers][0]
    return float((found - whole[:, : SMALL.dim]).abs().max())


def onnx(family: str) -> float:
    """Vectors of a size in ONNX Runtime against those of torch: the largest 1 - cosine."""
    small = cut(sentence_transformer(family, "mean").eval(), SMALL)
    if reason := why_no_onnx(small):
        raise InputError(f"'{family}': {reason}")
    with tempfile.TemporaryDirectory() as folder:
        write_onnx(small, Path(folder) / "model.onnx")
        found = onnx_embed(Path(folder) / "model.onnx", small)(SENTENCES)
    return float(1 - cosines(found, torch_embed(small)(SENTENCES)).min())


def starbucks_loss(family: str, pooling: str = "mean") -> StarbucksLoss:
    """Return the loss of a tiny model at a few sizes."""
    model = sentence_transformer(family, pooling)
    return StarbucksLoss(model, MultipleNegativesRankingLoss(model), SIZES)


def trained(family: str, side: str, pooling: str = "mean", steps: int = 3) -> list[float]:
    """Return the losses of a few steps of StarbucksLoss on texts padded on a side."""
    loss = starbucks_loss(family, pooling)
    padding = loss.model[0].auto_model.config.pad_token_id or 0
    rows = texts()
    columns = [features(rows, side, padding), features(rows[::-1], side, padding, longest=17)]
    optimizer = torch.optim.SGD(loss.parameters(), lr=1e-3)
    losses = []
    for _ in range(steps):
        value = loss([dict(column) for column in columns], torch.empty(0))
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        losses.append(value.item())
    return losses


def pretraining_batch(padding: int, mask: int) -> dict[str, Tensor]:
    """Return a batch of masked texts, as the collator of a pre-training makes it."""
    batch = features(texts(), "right", padding)
    ids, real = batch["input_ids"], batch["attention_mask"].bool()
    fate = torch.rand(ids.shape, generator=torch.Generator().manual_seed(3))
    inside = real & (torch.arange(ids.shape[1]) > 0)
    encoder, decoder = inside & (fate < 0.4), inside & (fate < 0.7)
    return {
        "encoder_ids": ids.masked_fill(encoder, mask),
        "encoder_labels": ids.masked_fill(~encoder, UNLABELLED),
        "decoder_ids": ids.masked_fill(decoder, mask),
        "decoder_labels": ids.masked_fill(~decoder, UNLABELLED),
        "attention_mask": batch["attention_mask"],
    }


TRANSFORMS: dict[str, Callable[[Any, Tensor], Tensor]] = {
    "bert": lambda lm, states: lm.cls.predictions.transform(states),
    "distilbert": lambda lm, states: lm.vocab_layer_norm(lm.activation(lm.vocab_transform(states))),
    "modernbert": lambda lm, states: lm.head(states),
    "roberta": lambda lm, states: lm.lm_head.layer_norm(F.gelu(lm.lm_head.dense(states))),
}
TRANSFORMS |= dict.fromkeys(("xlm-roberta", "mpnet"), TRANSFORMS["roberta"])


class _Given(nn.Module):
    """Stands for an encoder's embeddings: gives what it was made with."""

    def __init__(self, inputs: Tensor) -> None:
        super().__init__()
        self.inputs = inputs

    def forward(self, *_: Any, **__: Any) -> Tensor:
        return self.inputs


@contextmanager
def _of_one_layer(encoder: nn.Module, layer: nn.Module, inputs: Tensor) -> Iterator[nn.Module]:
    """Let an encoder read `inputs` as its embeddings, and have `layer` as its only one."""
    layers = encoder.get_submodule(FAMILIES[encoder.config.model_type].layers)
    embeddings, own = encoder.embeddings, layers._modules
    encoder.embeddings, layers._modules = _Given(inputs), {"0": layer}
    try:
        yield encoder
    finally:
        encoder.embeddings, layers._modules = embeddings, own


def plain_pretraining(
    masked_lm: PreTrainedModel, decoder: nn.Module | None, batch: dict[str, Tensor]
) -> Tensor:
    """Starbucks 3.2 word for word, with the family's own encoder, layer and head.

    Each size's sequence goes through the whole encoder with the decoder for its only layer, and
    a transform of the first columns is one of states that are zero elsewhere.
    """
    encoder, mask = encoder_of(masked_lm), batch["attention_mask"]
    transform = TRANSFORMS[masked_lm.config.model_type]
    project = masked_lm.get_output_embeddings()
    hidden = encoder(
        batch["encoder_ids"], attention_mask=mask, output_hidden_states=True
    ).hidden_states
    losses = []
    for size in SIZES:
        states = hidden[size.layers]
        if size.layers < models.DEPTH and encoder.config.model_type == "modernbert":
            states = encoder.final_norm(states)
        first = torch.arange(models.WIDTH) < size.dim
        states = transform(masked_lm, states * first)
        loss = _cross_entropy(project(states), batch["encoder_labels"])
        if decoder is not None:
            inputs = encoder.embeddings(batch["decoder_ids"])
            inputs = torch.cat([states[:, :1], inputs[:, 1:]], dim=1)
            with _of_one_layer(encoder, decoder, inputs) as single:
                decoded = single(batch["decoder_ids"], attention_mask=mask).last_hidden_state
            logits = project(transform(masked_lm, decoded))
            loss = (loss + _cross_entropy(logits, batch["decoder_labels"])) / 2
        losses.append(loss)
    return torch.stack(losses).mean()


def _cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    return F.cross_entropy(logits.flatten(0, 1), labels.flatten())


def pretrained(family: str, autoencoder: bool, **changes: Any) -> float:
    """Pre-training loss and gradients against the plain formulation."""
    masked_lm = models.masked_lm(family, **changes)
    model = PretrainingModel(masked_lm, SIZES, autoencoder)
    if model.decoder is not None:  # else it equals the first layer, and could stand in for it
        with torch.no_grad():
            for parameter in model.decoder.parameters():
                parameter.add_(0.1 * torch.randn_like(parameter))
    batch = pretraining_batch(masked_lm.config.pad_token_id or 0, 4)
    ours = model(**batch)["loss"]
    plain = plain_pretraining(masked_lm, model.decoder, batch)
    gradients = _gradients(model, ours)
    references = _gradients(model, plain)
    assert gradients.keys() == references.keys()
    scale = max(float(gradient.abs().max()) for gradient in references.values())
    return max(
        abs(ours.item() - plain.item()),
        largest((gradients[name], references[name]) for name in references) / scale,
    )
