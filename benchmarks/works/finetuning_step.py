"""SRL fine-tuning beside the published recipe on sentence-transformers: a decorated loss a layer.

The peer is built of that library's own parts: the decorators that cache the layers of one forward
pass a column, its ranking loss, its trainer with gradient checkpointing, as the published scripts
use them (ielab/Starbucks: sts/).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from datasets import Dataset
from sentence_transformers import (
    SentenceTransformer,
    SentenceTransformerTrainer,
    SentenceTransformerTrainingArguments,
)
from sentence_transformers.base.losses.merged_forward import column_merging_disabled
from sentence_transformers.sentence_transformer.losses import MultipleNegativesRankingLoss
from sentence_transformers.sentence_transformer.losses.adaptive_layer import (
    ForwardDecorator,
    TransformerDecorator,
)
from sentence_transformers.sentence_transformer.modules import Normalize
from torch import Tensor, nn
from transformers import PrinterCallback

from benchmarks.inputs import model_folder, pair_sets, triplets, untouched_minilm
from benchmarks.work import Case, Work
from starbench import Size, StarbucksLoss
from starbench.encoders.attention import use_fast_attention
from starbench.stages.finetune.ranking_loss import RankingLoss
from starbench.stages.finetune.run import FinetuningTrainer
from starbench.training.losses import StepLosses
from starbench.training.skipping import SkipNotFinite

SIZES = [Size(n, dim) for n, dim in enumerate((16, 32, 64, 128, 256, 384), start=1)]
BATCH, STEPS = 64, 3
KL_WEIGHT = 0.3


class PublishedSrl(nn.Module):
    """SRL as the published STS code does it: the base loss anew for each size, decorated."""

    def __init__(self, model: SentenceTransformer, sizes: Sequence[Size]) -> None:
        super().__init__()
        self.model, self.sizes = model, list(sizes)
        self.loss = MultipleNegativesRankingLoss(model)

    def forward(self, sentence_features: Iterable[dict[str, Tensor]], labels: Tensor) -> Tensor:
        """Return the loss of one batch; the features are those of the library's trainer."""
        features = list(sentence_features)
        model = self.model
        whole, transformer = model.forward, model[0].forward
        layers = TransformerDecorator(model[0], transformer)
        outputs = ForwardDecorator(whole)
        cut = _Cut(outputs)
        model[0].forward, model.forward = layers, cut
        try:
            with column_merging_disabled():
                loss = self.loss(features, labels)
                full = outputs.get_embeddings()
                for size in self.sizes[:-1]:
                    layers.set_layer_idx(size.layers)
                    cut.dim = size.dim
                    loss = loss + self.loss(features, labels)
                    small = outputs.get_embeddings()[:, : size.dim]
                    loss = loss + KL_WEIGHT * F.kl_div(
                        F.log_softmax(small, dim=-1),
                        F.softmax(full[:, : size.dim], dim=-1),
                        reduction="batchmean",
                    )
        finally:
            model[0].forward, model.forward = transformer, whole
        return loss


class _Cut:
    """The model's forward, its embeddings cut to the first `dim` columns."""

    def __init__(self, forward: Any) -> None:
        self.forward, self.dim = forward, None

    def __call__(self, features: dict[str, Tensor]) -> dict[str, Tensor]:
        output = self.forward(features)
        return {**output, "sentence_embedding": output["sentence_embedding"][:, : self.dim]}


class _Losses(SentenceTransformerTrainer):
    """The library's trainer; keeps the loss of every step, and makes no model card."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.of_steps: list[float] = []

    def add_model_card_callback(self, default_args_dict: dict[str, Any]) -> None:
        """Add nothing."""

    def steps(self, _: int) -> list[float]:
        """Train and return the losses."""
        self.of_steps.clear()
        self.train()
        return list(self.of_steps)

    def training_step(self, *args: Any, **options: Any) -> Tensor:
        loss: Tensor = super().training_step(*args, **options)
        self.of_steps.append(float(loss))
        return loss


class _OurLosses(_Losses, FinetuningTrainer):
    """The trainer of `starbench finetune`."""


def _trainer(
    kind: type[_Losses],
    folder: Path,
    model_path: Path,
    rows: Dataset,
    loss_of: Callable[[SentenceTransformer], nn.Module],
    bf16: bool,
    **options: Any,
) -> _Losses:
    on_gpu = torch.cuda.is_available()
    whole = SentenceTransformer(str(model_path))
    # As the published recipe has it: without a normalisation, KL terms compare the same vectors.
    parts = [module for module in whole if not isinstance(module, Normalize)]
    model = SentenceTransformer(modules=parts, device="cuda" if on_gpu else "cpu")
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    config = model[0].auto_model.config
    config.hidden_dropout_prob = config.attention_probs_dropout_prob = 0.0
    trainer = kind(
        model=model,
        args=SentenceTransformerTrainingArguments(
            output_dir=str(folder / "trainer"),
            max_steps=STEPS,
            per_device_train_batch_size=BATCH,
            learning_rate=5e-5,
            bf16=bf16,
            use_cpu=not on_gpu,
            activation_checkpointing=kind is _Losses,
            save_strategy="no",
            logging_strategy="no",
            report_to="none",
            disable_tqdm=True,
            seed=42,
        ),
        train_dataset=rows,
        loss=loss_of(model),
        **options,
    )
    trainer.remove_callback(PrinterCallback)
    return trainer


def _prepare(bf16: bool, mini_batch_size: int | None, tolerance: float, folder: Path) -> Case:
    _, paths = untouched_minilm(folder, "sts", pair_sets(rows=10))
    path = model_folder(paths, "sts")
    rows = Dataset.from_list(triplets(BATCH * STEPS))
    watched = StepLosses("benchmark", SkipNotFinite("benchmark", 0.0))
    ours = _trainer(
        _OurLosses,
        folder,
        path,
        rows,
        lambda model: _our_loss(model, mini_batch_size),
        bf16,
        losses=watched,
    )
    peer = _trainer(_Losses, folder, path, rows, _published_loss, bf16)

    def difference(own: list[float], other: list[float]) -> float:
        """Of the losses of the first steps, relative; what is trained goes on from there."""
        return max(abs(a - b) / b for a, b in zip(own, other, strict=True))

    return Case(ours.steps, peer.steps, difference, tolerance, rounds=2)


def _our_loss(model: SentenceTransformer, mini_batch_size: int | None) -> nn.Module:
    use_fast_attention(model[0].auto_model)
    base = RankingLoss("cosine", 0.05)
    return StarbucksLoss(model, base, SIZES, kl_weight=KL_WEIGHT, mini_batch_size=mini_batch_size)


def _published_loss(model: SentenceTransformer) -> nn.Module:
    return PublishedSrl(model, SIZES)


PEER = "sentence-transformers: a decorated loss a layer, gradient checkpointing"

MINI_BATCH = 96


def _work(name: str, bf16: bool, mini_batch_size: int | None, tolerance: float) -> Work:
    return Work(
        name,
        PEER,
        lambda _, folder: _prepare(bf16, mini_batch_size, tolerance, folder),
        time_target=1.5,
        memory_target=0.8,
        precision="bf16" if bf16 else "fp32",
    )


WORKS = [
    _work("SRL fine-tuning step", False, None, 1e-3),
    _work("SRL fine-tuning step, mini-batches", False, MINI_BATCH, 1e-3),
    _work("SRL fine-tuning step, bfloat16", True, None, 0.02),
    _work("SRL fine-tuning step, bfloat16, mini-batches", True, MINI_BATCH, 0.02),
]
"""As it is, fastest; and with gradient caching, in little memory."""
