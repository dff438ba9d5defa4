"""Seconds, memory and disk of every job, from its work and the device it runs on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from starbench.config.amounts import CHECKPOINTS_KEPT, TOKENS_PER_BATCH
from starbench.config.compute import Compute
from starbench.config.config import Config
from starbench.config.training import Training
from starbench.encoders.shape import BACKWARD, Encoder
from starbench.objectives import PRETRAINING_OBJECTIVES
from starbench.planning.datasets import DatasetSize, Stated, dataset_size
from starbench.planning.devices import Device, Start
from starbench.planning.encoders import Shape, shape_of
from starbench.planning.work import (
    EmbeddingWork,
    TrainingWork,
    embedding_work,
    finetuning_work,
    pretraining_work,
)
from starbench.run.models import Model, model_named
from starbench.run.paths import RunPaths
from starbench.run.slices import embedding_slice, text_set_slice
from starbench.run.texts import TextSet, sharded, text_sets

CHECKPOINT_BYTES = 12
"""Bytes of a parameter in a checkpoint: its weight and AdamW's two averages."""
ID_BYTES = 10
TOGETHER = 0.9
"""What of its speed a GPU keeps when several share each step."""


@dataclass(frozen=True)
class Cost:
    """What one job takes."""

    seconds: float
    units: int = 1
    """GPUs or cores that it holds; 0 for a job beside the GPUs."""
    memory: float = 0.0
    """Bytes of a GPU."""
    stored: float = 0.0
    """Bytes on disk that it leaves."""
    passing: float = 0.0
    """Bytes on disk that it needs while it runs."""


class Costs:
    """The costs of a run's jobs.

    Args:
        config: the run.
        paths: where what is already fetched is.
        device: what does the work.
        stated: sizes of datasets given on the command line.
        units: GPUs or cores there are: a job asks for no more.
    """

    def __init__(
        self, config: Config, paths: RunPaths, device: Device, stated: Stated, units: int
    ) -> None:
        self.config, self.paths, self.device = config, paths, device
        self.host, self.units = device.host, units
        self._stated = stated
        self._sizes: dict[str, DatasetSize] = {}
        self._shapes: dict[str, Shape] = {}

    def size(self, name: str) -> DatasetSize:
        """Return the size of a dataset, looked up once."""
        if name not in self._sizes:
            self._sizes[name] = dataset_size(self.config, self.paths, name, self._stated)
        return self._sizes[name]

    def origins(self) -> dict[str, str]:
        """Return where the size of each dataset that was looked up is from."""
        return {name: size.origin for name, size in self._sizes.items()}

    def encoder(self, backbone: str) -> Encoder:
        """Return the shape of a backbone, looked up once."""
        if backbone not in self._shapes:
            self._shapes[backbone] = shape_of(self.config, self.paths, backbone)
        return self._shapes[backbone].encoder

    def assumed_shapes(self) -> dict[str, str]:
        """Return, by backbone, the checkpoint whose shape was assumed for one that is not there."""
        return {name: shape.like for name, shape in self._shapes.items() if shape.like is not None}

    def dataset(self, name: str) -> Cost:
        """Fetch and normalise a dataset."""
        source: Any = self.config.datasets[name]
        size = self.size(name)
        texts = size.records * size.texts_per_record + size.queries
        seconds = self.host.start_s["data"] + texts / self.host.records_per_s
        if source.source in ("hub", "ir_datasets", "mteb"):
            seconds += size.bytes / self.host.network_bytes_per_s
        if source.source == "folder" and size.kind == "training-queries":  # BM25 mines negatives
            seconds += size.records * texts / size.texts_per_record / self.host.bm25_scores_per_s
        return self.beside(seconds, self.config.compute.data, stored=size.bytes)

    def checkpoint(self, backbone: str) -> Cost:
        """Fetch a checkpoint."""
        stored = 4.0 * self.encoder(backbone).parameters()
        seconds = self.host.start_s["data"] + stored / self.host.network_bytes_per_s
        return self.beside(seconds, self.config.compute.data, stored=stored)

    def pretrain(self, backbone: str) -> Cost:
        """Pre-train a backbone."""
        settings = self.config.backbones[backbone].pretraining
        assert settings is not None
        encoder, compute = self.encoder(backbone), self.config.compute.pretrain
        sizes = [self.size(name) for name in settings.datasets]
        objective = PRETRAINING_OBJECTIVES[settings.objective]
        largest = max(sizes, key=lambda size: size.records)
        work = pretraining_work(
            encoder,
            settings,
            largest.texts,
            sum(size.records for size in sizes),
            len(self.config.sizes) if objective.all_sizes else 1,
            objective,
            self._devices(compute),
        )
        return self._training(work, settings, encoder, compute, "pretrain")

    def finetune(self, model: Model) -> Cost:
        """Fine-tune a model, or save an untouched one."""
        encoder, layers = self._of(model)
        compute = self.config.compute.finetune
        if not model.objective.trains:
            stored = 4.0 * encoder.parameters(layers)
            return Cost(self.host.start_s["finetune"], self.held(compute), 0.0, stored)
        settings = model.finetuning
        sizes = [self.size(name) for name in settings.datasets]
        # Of several, the texts are taken to be as long as those of the largest.
        largest = max(sizes, key=lambda size: size.records)
        data = replace(largest, records=sum(size.records for size in sizes))
        beside = [] if model.guide is None else [self.encoder(model.guide)]
        if model.teacher is not None:
            beside.append(self.encoder(self._backbone_of(model.track, model.teacher)))
        devices, frozen = self._devices(compute), model.objective.freezes_encoder
        work = finetuning_work(encoder, layers, settings, data, devices, beside, frozen)
        return self._training(work, settings, encoder, compute, "finetune")

    def _training(
        self,
        work: TrainingWork,
        settings: Training,
        encoder: Encoder,
        compute: Compute,
        start: Start,
    ) -> Cost:
        together = self._together(compute)
        rate = self.device.rate("training", settings.precision, encoder.width)
        computed = work.operations / rate / together + work.calls * self.device.layer_call_s
        updated = work.steps * work.parameters / self.device.updates_per_s
        prepared = work.tokens / self.host.tokens_per_s / self._devices(compute)
        saved = CHECKPOINT_BYTES * work.parameters
        saving = work.steps // settings.checkpoint_every * saved / self.host.write_bytes_per_s
        # Processes of their own prepare the next batches while the device works.
        busy = computed + updated
        steps = max(busy, prepared / settings.workers) if settings.workers else busy + prepared
        seconds = self.host.start_s[start] + steps + saving
        stored, passing = 4.0 * work.parameters, float(CHECKPOINTS_KEPT * saved)
        return Cost(seconds, self.held(compute), work.memory, stored, passing)

    def embed(self, model: Model, texts: list[TextSet]) -> Cost:
        """Embed sets of texts in one job."""
        section = self.config.tracks[model.track].embedding
        encoder, compute = self.encoder_of(model), self.config.compute.embed
        works = [self._embedding(model, texts_of) for texts_of in texts]
        rate = self.device.rate("embedding", section.precision, encoder.width)
        widths = sum(embedding_slice(self.config, model)["widths"].values())
        number = 2 if section.dtype == "float16" else 4
        stored = sum(work.texts for work in works) * (widths * number + ID_BYTES)
        seconds = (
            self.host.start_s["embed"]
            + sum(work.operations for work in works) / rate / self._together(compute, 1)
            + sum(work.calls for work in works) * self.device.layer_call_s / (1 + BACKWARD)
            + sum(work.tokens for work in works) / self.host.tokens_per_s
            + stored / self.host.write_bytes_per_s
        )
        memory = max((work.memory for work in works), default=0.0)
        return Cost(seconds, self.held(compute), memory, stored)

    def encoder_of(self, model: Model) -> Encoder:
        """Return the shape of a model's backbone."""
        return self.encoder(model.backbone)

    def _backbone_of(self, track: str, model: str) -> str:
        return model_named(self.config, track, model).backbone

    def _of(self, model: Model) -> tuple[Encoder, int]:
        encoder = self.encoder_of(model)
        cut = len(model.sizes) == 1
        return encoder, model.sizes[0].layers if cut else encoder.layers

    def _embedding(self, model: Model, texts: TextSet) -> EmbeddingWork:
        section = self.config.tracks[model.track].embedding
        part = text_set_slice(self.config, model, texts.dataset, texts.part)
        encoder = self.encoder_of(model)
        size = self.size(texts.dataset)
        asked = texts.part == "queries"
        longest = part["query_max_length" if asked else "max_length"] or encoder.positions
        count = {
            "queries": size.queries,
            "passages": -(-size.records // texts.shards),
            "pairs": round(2 * size.records * size.distinct),
            "task": size.records,
            "texts": size.records,
        }[texts.part]
        return embedding_work(
            encoder,
            max(part["widths"]),
            (size.asked if asked else size.texts).cut(longest),
            count,
            section.tokens_per_batch or TOKENS_PER_BATCH[self.device.torch_name],
            section.precision,
        )

    def beside(self, seconds: float, compute: Compute, stored: float = 0.0) -> Cost:
        """Return the cost of work that uses no GPU, though its job may hold one."""
        if self.device.kind == "gpu":
            return Cost(seconds, min(compute.gpus, self.units), 0.0, stored)
        return Cost(seconds, min(compute.cpus, self.units), 0.0, stored)

    def _devices(self, compute: Compute) -> int:
        """Return how many processes share a training's steps."""
        return self.held(compute) if self.device.kind == "gpu" else 1

    def held(self, compute: Compute) -> int:
        """Return how many GPUs or cores a job of a stage holds."""
        wanted = max(1, compute.gpus) if self.device.kind == "gpu" else compute.cpus
        return min(wanted, self.units)

    def _together(self, compute: Compute, most: int | None = None) -> float:
        """Return how much faster than one GPU or core all those of a job are."""
        held = self.held(compute)
        if self.device.kind == "cpu":
            return self.device.speed_up(held)
        held = min(held, most or held)
        return held * TOGETHER if held > 1 else 1.0

    def own_texts(self, track: str) -> list[TextSet]:
        """Return the sets of texts that have no shards of their own."""
        sets = text_sets(self.config, track)
        return [texts for texts in sets if texts not in sharded(sets)]

    def shards(self, track: str) -> list[TextSet]:
        """Return the sets of texts that are embedded by one job per shard."""
        return sharded(text_sets(self.config, track))
