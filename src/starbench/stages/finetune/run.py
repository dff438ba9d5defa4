"""Running the fine-tuning of one model: backbone in, SentenceTransformer folder out."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from datasets import Dataset, concatenate_datasets
from sentence_transformers import (
    SentenceTransformer,
    SentenceTransformerTrainer,
    SentenceTransformerTrainingArguments,
)
from sentence_transformers.sentence_transformer.losses import CoSENTLoss
from torch import nn
from torch.utils.data import BatchSampler
from transformers import (
    PrinterCallback,
    TrainerCallback,
    TrainerControl,
    TrainerState,
    TrainingArguments,
)

from starbench.config.config import Config
from starbench.config.training import Finetuning, total_steps
from starbench.encoders.prompts import prompt_tokens
from starbench.encoders.small_model import tell_trained_sizes
from starbench.errors import InputError
from starbench.machine.files import written_whole
from starbench.machine.processes import processes, rank
from starbench.run import versions
from starbench.run.backbones import opened_backbone, opened_model
from starbench.run.exports import sizes_trained
from starbench.run.held_back import held_back
from starbench.run.leakage import rows_without_leakage
from starbench.run.models import MODEL_FOLDER, Model, model_named
from starbench.run.paths import RunPaths
from starbench.run.prompts import prompt_for, training_roles
from starbench.run.slices import finetuning_slice
from starbench.sizes import Size
from starbench.stages.finetune.effort import effort_of
from starbench.stages.finetune.guide import Guide
from starbench.stages.finetune.heads import HeadsLoss
from starbench.stages.finetune.labelled import LABEL, heads_of, with_numbers
from starbench.stages.finetune.layered_loss import LayeredLoss
from starbench.stages.finetune.model import build_model, guide_of, overridden, teacher_of
from starbench.stages.finetune.one_pass import depth_of, width_of
from starbench.stages.finetune.order import TrainingOrder, order_of
from starbench.stages.finetune.passages import PassageCollator, training_places
from starbench.stages.finetune.ranking_loss import RankingLoss
from starbench.stages.finetune.teacher import Teacher
from starbench.store.heads import HEADS, heads_in, write_heads
from starbench.store.manifest import Stage
from starbench.store.records import GOLD, read_records
from starbench.tracks import TRACKS
from starbench.training.checkpoints import WholeCheckpoints, last_checkpoint, remove_checkpoints
from starbench.training.lock import only_training_in
from starbench.training.losses import StepLosses, WatchesLosses
from starbench.training.skipping import SkipNotFinite
from starbench.training.trainer import StepSeed, TrainLog, trainer_arguments
from starbench.training.wall_time import SaveInTime

log = logging.getLogger(__name__)


def finetune_model(config: Config, paths: RunPaths, track: str, name: str, seed: int) -> None:
    """Train one model of a track, or go on from its last checkpoint, and save it.

    Writes ``models/<track>/<name>/seed-<seed>/model`` and, last, ``manifest.json``.

    Raises:
        InputError: a size beyond the backbone, a missing or damaged backbone or dataset, or
            another training in the same folder.
    """
    model = model_named(config, track, name)
    folder = paths.model(track, name, seed)
    folder.mkdir(parents=True, exist_ok=True)
    with only_training_in(folder):
        _finetune(config, paths, model, seed, folder)


def _finetune(config: Config, paths: RunPaths, model: Model, seed: int, folder: Path) -> None:
    objective, base = model.objective, None
    backbones = [opened_backbone(config, paths, name, seed) for name in model.backbones()]
    trained = {name: paths.model(model.track, name, seed) for name in model.built_on}
    models = {name: opened_model(read) for name, read in trained.items()}
    inputs = [*backbones, *trained.values(), *map(paths.dataset, model.datasets(config))]
    stage = Stage("finetune", versions.FINETUNE, finetuning_slice(config, model, seed), inputs)
    backbone, *guides = backbones
    starts = [(models[name], share) for name, share in model.starts]
    encoder = build_model(backbone, model, config.backbones[model.backbone].prompts, starts)
    facts: dict[str, Any] = {
        "seed": seed,
        "parameters": sum(p.numel() for p in encoder.parameters()),
        "overridden": overridden(backbone, model.use),
    }
    if objective.trains:
        rows, left_out = training_rows(config, paths, model, seed)
        if left_out is not None:
            facts["left_out"] = left_out
        guide = guide_of(config, model, guides[0]) if guides else None
        base = _base_loss_of(encoder, model, rows, seed, guide)
        teacher = teacher_of(model, models[model.teacher]) if model.teacher else None
        facts |= _train(encoder, base, rows, config, model, folder, seed, stage.identity, teacher)
        full = Size(depth_of(encoder), width_of(encoder))
        tell_trained_sizes(encoder, sizes_trained(model, full))
    if rank() > 0:
        return
    _save(encoder, folder / MODEL_FOLDER)
    saved = sorted(p for p in (folder / MODEL_FOLDER).rglob("*") if p.is_file())
    if isinstance(base, HeadsLoss):
        write_heads(folder / HEADS, base.trained())
        saved.append(folder / HEADS)
    stage.finish(folder, [str(path.relative_to(folder)) for path in saved], **facts)
    remove_checkpoints(folder)


def training_rows(
    config: Config, paths: RunPaths, model: Model, seed: int
) -> tuple[Dataset, int | None]:
    """Return the examples of all datasets of a training, without those that are held back.

    Returns:
        The examples, and how many were left out because the track scores what they hold; None if
        none are to be.
    """
    parts, left_out = [], 0
    drops = config.tracks[model.track].leakage == "drop"
    for name in model.finetuning.datasets:
        rows = read_records(paths.dataset(name))
        held = held_back(config, paths, model.track, name, seed)
        kept = np.setdiff1d(np.arange(len(rows)), held)
        if drops:
            clean = np.intersect1d(kept, rows_without_leakage(config, paths, model.track, name))
            left_out, kept = left_out + len(kept) - len(clean), clean
        parts.append(rows.select(kept) if len(kept) < len(rows) else rows)
    together = parts[0] if len(parts) == 1 else concatenate_datasets(parts)
    return together, left_out if drops else None


def base_loss(
    model: SentenceTransformer,
    settings: Finetuning,
    bf16_scores: bool = False,
    guide: Guide | None = None,
) -> nn.Module:
    """Return the base loss that the config names, with its guide where it has one."""
    if settings.loss == "mnrl":
        return RankingLoss(
            model.similarity_fn_name,
            settings.temperature,
            settings.masks_right_answers,
            bf16_scores,
            guide,
        )
    return CoSENTLoss(model, scale=1 / settings.temperature)


def _base_loss_of(
    encoder: SentenceTransformer, model: Model, rows: Dataset, seed: int, guide: Guide | None
) -> nn.Module:
    if model.finetuning.loss == "softmax":
        return heads_of(encoder, model, rows, seed)
    return base_loss(encoder, model.finetuning, model.objective.scores_in_bf16, guide)


def _train(
    encoder: SentenceTransformer,
    base: nn.Module,
    rows: Dataset,
    config: Config,
    model: Model,
    folder: Path,
    seed: int,
    identity: str,
    teacher: Teacher | None = None,
) -> dict[str, Any]:
    settings, objective = model.finetuning, model.objective
    steps = total_steps(settings, len(rows))
    parts = settings.accumulation * processes()
    order = order_of(len(rows), steps, settings, seed, parts)
    prompts = prompts_of_columns(config, model, encoder, rows)
    arguments = SentenceTransformerTrainingArguments(
        **trainer_arguments(settings, folder, steps, seed),
        prompts=prompts,
        learning_rate_mapping=_learning_rates(settings),
    )
    loss = LayeredLoss(
        encoder,
        base,
        model.sizes,
        objective,
        seed,
        settings.mini_batch_size,
        steps,
        teacher,
    )
    what = f"finetune {model.name} seed {seed}"
    skips = SkipNotFinite(what, settings.max_skipped)
    train_log = TrainLog(what, folder, skips)
    kind = config.datasets[settings.datasets[0]].kind
    examples, collator = training_examples(encoder, rows, kind, settings, order, seed, prompts)
    trainer = FinetuningTrainer(
        model=encoder,
        args=arguments,
        train_dataset=examples,
        data_collator=collator,
        loss=loss,
        order=order,
        callbacks=[StepSeed(seed, "finetune"), StartStep(loss), skips, train_log, SaveInTime(what)],
        losses=StepLosses(what, skips),
    )
    trainer.remove_callback(PrinterCallback)  # TrainLog says all this, and how far the run is.
    trained = trainer.train(resume_from_checkpoint=last_checkpoint(folder, identity))
    return {
        "steps": steps,
        "batch_size": settings.batch_size,
        "processes": processes(),
        "negatives_per_query": negatives_per_query(settings, kind),
        "final_loss": trainer.final_loss(),
        **skips.facts(),
        "loop_s": round(trained.metrics["train_runtime"], 2),
        **effort_of(loss, settings.accumulation, objective.freezes_encoder),
        "dtype": {"weights": "float32", "forward": settings.precision},
        "device": str(trainer.args.device),
    }


def _learning_rates(settings: Finetuning) -> dict[str, float]:
    """Return {pattern of parameters of the loss: their peak learning rate}, where it is another."""
    rate = settings.head_learning_rate
    return {} if rate is None else {r"^loss\.heads\.": rate}


class FinetuningTrainer(WholeCheckpoints, WatchesLosses, SentenceTransformerTrainer):  # type: ignore[misc]
    """The library's trainer without the model card that it would collect examples for.

    A step is one autocast region: its groups of texts share the weights' casts to half precision,
    which cost a quarter of a step on a processor where each group makes its own.
    """

    def __init__(self, *args: Any, order: TrainingOrder | None = None, **options: Any) -> None:
        self.order = order
        super().__init__(*args, **options)

    def get_batch_sampler(
        self, dataset: Dataset, batch_size: int, drop_last: bool, *args: Any, **options: Any
    ) -> BatchSampler:
        """Return the batches of the order, or the library's where there is none."""
        if self.order is None:
            return super().get_batch_sampler(dataset, batch_size, drop_last, *args, **options)
        return self.order.batches(dataset, batch_size, drop_last)

    def autocast_smart_context_manager(
        self, cache_enabled: bool | None = True
    ) -> AbstractContextManager[Any]:
        """Return the context of a step's loss."""
        context: AbstractContextManager[Any] = self.accelerator.autocast()
        return context

    def _save(self, output_dir: str | None = None, state_dict: Any = None) -> None:
        super()._save(output_dir, state_dict)
        if isinstance(self.loss.loss, HeadsLoss):
            write_heads(Path(output_dir or self.args.output_dir) / HEADS, self.loss.loss.trained())

    def _load_from_checkpoint(self, checkpoint_path: str) -> None:
        super()._load_from_checkpoint(checkpoint_path)
        if isinstance(self.loss.loss, HeadsLoss):
            self.loss.loss.take(heads_in(Path(checkpoint_path) / HEADS))

    def add_model_card_callback(self, default_args_dict: dict[str, Any]) -> None:
        """Add nothing: the manifest says what a card would."""


def training_examples(
    encoder: SentenceTransformer,
    rows: Dataset,
    kind: str,
    settings: Finetuning,
    order: TrainingOrder,
    seed: int,
    prompts: Mapping[str, str] = MappingProxyType({}),
) -> tuple[Dataset, PassageCollator | None]:
    """Return the examples in training order, and what makes batches of them (None: the library)."""
    if kind != "training-queries":
        return ordered(rows, order), None
    longest, tokenizer = encoder.max_seq_length, encoder.tokenizer
    passage_length = min(settings.max_length or longest, longest)
    collator = PassageCollator(
        rows,
        tokenizer,
        settings.hard_negatives,
        min(settings.query_max_length or passage_length, longest),
        passage_length,
        seed,
        settings.cycles_passages,
        {column: (text, prompt_tokens(tokenizer, text)) for column, text in prompts.items()},
    )
    return training_places(order), collator


def prompts_of_columns(
    config: Config, model: Model, encoder: SentenceTransformer, rows: Dataset
) -> dict[str, str]:
    """Return {column: prompt} of the columns of texts that have a prompt.

    Raises InputError for datasets that are trained on together and have other prompts.
    """
    first, *others = model.finetuning.datasets
    found = _prompts_of(config, model, encoder, rows, first)
    for name in others:
        if _prompts_of(config, model, encoder, rows, name) != found:
            raise InputError(
                f"datasets '{first}' and '{name}' are trained on together, but have other prompts: "
                "give them the same ones"
            )
    return found


def _prompts_of(
    config: Config, model: Model, encoder: SentenceTransformer, rows: Dataset, dataset: str
) -> dict[str, str]:
    if config.datasets[dataset].kind == "training-queries":
        columns = ["query", "passage"]
        roles = columns if TRACKS[model.track].searches else ["text", "text"]
    else:
        columns = [name for name in rows.column_names if name not in GOLD]
        roles = training_roles(model, len(columns))
    found = {}
    for column, role in zip(columns, roles, strict=True):
        own = encoder.prompts, encoder.default_prompt_name
        if prompt := prompt_for(config, model, own, dataset, role):
            found[column] = prompt
    return found


def negatives_per_query(settings: Finetuning, kind: str) -> int:
    """Return how many other texts of a step a query's positive is ranked against, at most.

    A guide adds candidates and leaves some out, others in each step.
    """
    if settings.loss != "mnrl":
        return 0
    columns = {"triplets": 2, "anchor-positive": 1}
    group = columns.get(kind, 1 + settings.hard_negatives)
    others = group * settings.batch_size // settings.accumulation - 1
    if settings.guide is None:
        return others
    blocks = settings.guide.contrast_anchors + settings.guide.contrast_positives
    return others + blocks * (settings.batch_size // settings.accumulation - 1)


def ordered(rows: Dataset, order: TrainingOrder) -> Dataset:
    """Return the rows in training order.

    Texts first, label last, as the trainer of sentence-transformers expects.
    """
    if "score" in rows.column_names:
        rows = rows.rename_column("score", LABEL)
    elif LABEL in rows.column_names:
        rows = with_numbers(rows)
    return rows.select(order.rows)


class StartStep(TrainerCallback):  # type: ignore[misc]
    """Tells the loss which step it is, so that what it draws is a function of (seed, step)."""

    def __init__(self, loss: LayeredLoss) -> None:
        self.loss = loss

    def on_step_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """Start the draws of the step about to run."""
        self.loss.start_step(state.global_step)


def _save(model: SentenceTransformer, folder: Path) -> None:
    # A fast tokenizer stores how it cut and padded the last batch, if this process had one.
    backend = getattr(model.tokenizer, "backend_tokenizer", None)
    if backend is not None:
        backend.no_truncation()
        backend.no_padding()
    with written_whole(folder) as temporary:
        model.save_pretrained(str(temporary), create_model_card=False)
        shutil.rmtree(folder, ignore_errors=True)
