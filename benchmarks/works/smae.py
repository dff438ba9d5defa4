"""A step of SMAE beside the plain one: vocabulary logits everywhere, one size after another."""

# B texts, T tokens, V vocabulary

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import BertForMaskedLM
from transformers.masking_utils import create_bidirectional_mask

from benchmarks.inputs import random_bert
from benchmarks.work import Case, Work
from starbench.sizes import Size
from starbench.stages.pretrain.masking import UNLABELLED
from starbench.stages.pretrain.model import PretrainingModel

LAYERS, WIDTH = 12, 256
SIZES = [Size(2 * number, 256 >> (6 - number)) for number in range(1, 7)]
TEXTS, TOKENS = 8, 128

Result = tuple[Tensor, list[Tensor]]
"""The loss, and the gradients of all weights."""


def plain_loss(model: PretrainingModel, batch: dict[str, Tensor]) -> Tensor:
    """Return the loss of Starbucks 3.2, written out: for each size, logits at every position."""
    lm, decoder = model.masked_lm, model.decoder
    assert decoder is not None
    hidden = lm.bert(
        batch["encoder_ids"], attention_mask=batch["attention_mask"], output_hidden_states=True
    ).hidden_states
    losses = []
    for size in model.sizes:
        states = _transformed(lm, hidden[size.layers], size.dim)
        mlm = _cross_entropy(lm.cls.predictions.decoder(states), batch["encoder_labels"])
        inputs = lm.bert.embeddings(batch["decoder_ids"])
        inputs = torch.cat([states[:, :1], inputs[:, 1:]], dim=1)
        decoded = _decoded(lm, decoder, inputs, batch["attention_mask"])
        mae = _cross_entropy(lm.cls(decoded), batch["decoder_labels"])
        losses.append((mlm + mae) / 2)
    return torch.stack(losses).mean()


def _transformed(lm: BertForMaskedLM, states: Tensor, dim: int) -> Tensor:
    transform = lm.cls.predictions.transform
    dense = F.linear(states[..., :dim], transform.dense.weight[:, :dim], transform.dense.bias)
    out: Tensor = transform.LayerNorm(F.gelu(dense))
    return out


def _decoded(lm: BertForMaskedLM, decoder: nn.Module, inputs: Tensor, mask_BT: Tensor) -> Tensor:
    mask = create_bidirectional_mask(config=lm.config, inputs_embeds=inputs, attention_mask=mask_BT)
    out: Tensor = decoder(inputs, mask)
    return out


def _cross_entropy(logits_BTV: Tensor, labels_BT: Tensor) -> Tensor:
    return F.cross_entropy(logits_BTV.float().flatten(0, 1), labels_BT.flatten())


def batch_of(texts: int, tokens: int, vocabulary: int, device: str) -> dict[str, Tensor]:
    """Return random tokens, a fifth masked for the encoder and two fifths for the decoder."""
    draw = torch.Generator().manual_seed(1)
    ids = torch.randint(5, vocabulary, (texts, tokens), generator=draw)
    fate = torch.rand(texts, tokens, generator=draw)
    fate[:, 0] = 1  # the first position is never predicted
    batch = {"attention_mask": torch.ones_like(ids)}
    for name, rate in (("encoder", 0.2), ("decoder", 0.4)):
        masked = fate < rate
        batch[f"{name}_ids"] = ids.masked_fill(masked, 4)
        batch[f"{name}_labels"] = ids.masked_fill(~masked, UNLABELLED)
    return {name: tensor.to(device) for name, tensor in batch.items()}


def model_of(sizes: Sequence[Size], device: str, vocabulary: int = 30_522) -> PretrainingModel:
    """Return a random model of the depth and width of the last of `sizes`."""
    full = sizes[-1]
    masked_lm = random_bert(full.layers, full.dim, 4 * full.dim, vocabulary)
    return PretrainingModel(masked_lm, sizes, autoencoder=True).to(device)


def _prepare(precision: torch.dtype | None, tolerance: float, device: str, folder: Path) -> Case:
    model = model_of(SIZES, device)
    batch = batch_of(TEXTS, TOKENS, model.masked_lm.config.vocab_size, device)

    def step(loss_of: object) -> Result:
        model.zero_grad()
        with torch.autocast(device, precision, enabled=precision is not None):
            loss = loss_of()  # type: ignore[operator]
        loss.backward()
        return loss.detach(), [p.grad for p in model.parameters() if p.grad is not None]

    def ours(_: int) -> Result:
        return step(lambda: model(**batch)["loss"])

    def peer(_: int) -> Result:
        return step(lambda: plain_loss(model, batch))

    return Case(ours, peer, _difference, tolerance)


def _difference(own: Result, other: Result) -> float:
    """Of the loss, and of the gradients relative to the greatest of all."""
    greatest = max(float(gradient.abs().max()) for gradient in other[1])
    apart = [
        float((mine - theirs).abs().max()) for mine, theirs in zip(own[1], other[1], strict=True)
    ]
    return max(abs(float(own[0] - other[0])), max(apart) / greatest)


PEER = "logits at every position, size after size"

FP32 = Work(
    "SMAE step",
    PEER,
    lambda device, folder: _prepare(None, 1e-3, device, folder),
    time_target=2.5,
    memory_target=4,
)
BF16 = Work(
    "SMAE step, bfloat16",
    PEER,
    lambda device, folder: _prepare(torch.bfloat16, 0.1, device, folder),
    precision="bf16",
)
