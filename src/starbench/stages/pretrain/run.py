"""Running the pre-training of one backbone: text and a start in, a Hugging Face folder out."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from datasets import concatenate_datasets
from safetensors.torch import load_model, save_file, save_model
from torch.utils.data import Sampler, SequentialSampler
from transformers import (
    AutoTokenizer,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    PrinterCallback,
    TrainingArguments,
)
from transformers.utils import SAFE_WEIGHTS_NAME

from starbench.config.config import Config
from starbench.config.training import Pretraining, total_steps
from starbench.draws import key_of
from starbench.encoders.attention import use_fast_attention
from starbench.encoders.families import check_recomputing, depth_of, encoder_of, width_of
from starbench.encoders.loading import loading
from starbench.encoders.masked_lm import load_masked_lm
from starbench.encoders.positions import positions_of
from starbench.encoders.stored import Stored, store_as
from starbench.errors import InputError
from starbench.machine.files import share, written_whole
from starbench.machine.processes import processes, rank
from starbench.objectives import PRETRAINING_OBJECTIVES
from starbench.objectives.pretraining import PretrainingObjective
from starbench.run import versions
from starbench.run.backbones import opened_backbone
from starbench.run.paths import RunPaths
from starbench.run.slices import pretraining_slice
from starbench.sizes import Size
from starbench.stages.pretrain.examples import (
    Documents,
    MaskedExamples,
    Padding,
    TextDocuments,
    frequency_loss,
    tokenize_documents,
)
from starbench.stages.pretrain.scratch import from_scratch
from starbench.stages.pretrain.tokenizer import vocabulary_of
from starbench.store.artifacts import READ_BY_LIBRARIES, check_listed, opened
from starbench.store.manifest import Stage
from starbench.store.records import RECORDS, read_records
from starbench.tracks.track import named
from starbench.training.checkpoints import WholeCheckpoints, last_checkpoint, remove_checkpoints
from starbench.training.lock import only_training_in
from starbench.training.losses import StepLosses, WatchesLosses
from starbench.training.skipping import SkipNotFinite
from starbench.training.trainer import StepSeed, TrainLog, trainer_arguments
from starbench.training.wall_time import SaveInTime

DECODER_FILE = "decoder.safetensors"

MOST_IN_MEMORY = 2**30
"""Bytes of text that are tokenized beforehand; more stays on disk and is tokenized in passing."""


def pretrain_backbone(config: Config, paths: RunPaths, backbone: str, seed: int) -> None:
    """Train one backbone, or go on from its last checkpoint, and save it with its head.

    Writes a masked language model of Hugging Face with its tokenizer, the auto-encoder's layer
    if there is one, and, last, ``manifest.json``.

    Raises:
        InputError: a start that is missing or of a family without a head, a tokenizer without
            mask token, sizes beyond the backbone, texts without a single token, a damaged start
            or dataset, or another training in the same folder; a backbone of another run.
    """
    made_by = config.backbones[backbone].run
    if made_by is not None:
        raise InputError(f"backbone '{backbone}' is taken from run '{made_by}': nothing to train")
    folder = paths.backbone(backbone, seed)
    folder.mkdir(parents=True, exist_ok=True)
    with only_training_in(folder):
        _pretrain(config, paths, backbone, seed, folder)


def _pretrain(config: Config, paths: RunPaths, backbone: str, seed: int, folder: Path) -> None:
    section = config.backbones[backbone]
    assert section.pretraining is not None
    datasets = [paths.dataset(name) for name in section.pretraining.datasets]
    start = _start(config, paths, backbone, seed)
    stage = Stage(
        "pretrain",
        versions.PRETRAIN,
        pretraining_slice(config, backbone, seed),
        datasets + ([start] if start else []),
    )
    texts = concatenate_datasets([read_records(dataset) for dataset in datasets])["text"]
    if start is None:
        assert section.architecture is not None
        masked_lm, tokenizer = from_scratch(section.architecture, texts, seed)
    else:
        masked_lm, tokenizer = from_start(start, seed)
    check_recomputing(masked_lm, section.pretraining.gradient_checkpointing)
    use_fast_attention(masked_lm)
    objective = PRETRAINING_OBJECTIVES[section.pretraining.objective]
    full = Size(depth_of(masked_lm), width_of(masked_lm))
    sizes = objective.sizes(config.trained_sizes, full)
    model = pretraining_loss(objective, masked_lm, sizes, section.pretraining)
    what = f"pretrain {backbone} seed {seed}"
    in_memory = sum((dataset / RECORDS).stat().st_size for dataset in datasets) <= MOST_IN_MEMORY
    facts = _train(
        model, tokenizer, section.pretraining, texts, folder, seed, stage.identity, what, in_memory
    )
    if rank() > 0:
        return
    saved = _save(model, tokenizer, folder, section.pretraining.weights)
    stage.finish(folder, saved, seed=seed, **facts)
    remove_checkpoints(folder)


def pretraining_loss(
    objective: PretrainingObjective,
    masked_lm: PreTrainedModel,
    sizes: Sequence[Size],
    settings: Pretraining,
) -> Any:
    """Return the loss of an objective: a module as `PretrainingObjective.loss` describes it."""
    return _named_by(objective, objective.loss)(masked_lm, sizes, settings)


def _named_by(objective: PretrainingObjective, function: str) -> Any:
    """Return a function that an objective names; InputError if there is none."""
    try:
        return named(function)
    except (ImportError, AttributeError) as error:
        raise InputError(
            f"pre-training objective '{objective.name}': {function} cannot be imported ({error})"
        ) from error


def _start(config: Config, paths: RunPaths, backbone: str, seed: int) -> Path | None:
    """Return the folder that a backbone starts from, checked; None for one from scratch."""
    section = config.backbones[backbone]
    if section.start is not None:
        return opened_backbone(config, paths, section.start, seed)
    if section.checkpoint is None:
        return None
    folder = paths.checkpoint(backbone)
    check_listed(folder, opened(folder), READ_BY_LIBRARIES)
    return folder


def from_start(folder: Path, seed: int) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """Return another backbone with its head; a head that it lacks is random, by the seed."""
    torch.manual_seed(key_of(seed, "pretrain", "weights") % 2**63)
    with loading(folder, "backbone"):
        return load_masked_lm(folder), AutoTokenizer.from_pretrained(folder)


class _InOrder(WholeCheckpoints, WatchesLosses):  # type: ignore[misc]
    """Reads the examples in order: they are shuffled already, and so a resume is exact.

    Logs besides the loss what each size contributed since the last line.
    """

    loss_is_scaled_for_ga = False

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._terms: dict[str, list[torch.Tensor]] = {}
        self.latest: dict[str, float] = {}
        """What each size's terms were when they were logged last."""

    def compute_loss(
        self, model: Any, inputs: Any, return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        """Return the model's loss, with its outputs if wanted; count each size's terms."""
        loss, outputs = super().compute_loss(model, inputs, True, num_items_in_batch)
        for name in outputs.keys() - {"loss"}:
            self._terms.setdefault(name, []).append(outputs[name])
        return (loss, outputs) if return_outputs else loss

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Log the Trainer's own values and, beside the loss, the mean terms of each size."""
        if "loss" in logs:
            sizes = self.model.sizes
            for name in sorted(self._terms, reverse=True):
                means = torch.cat(self._terms.pop(name)).view(-1, len(sizes)).mean(0)
                self.latest |= {
                    f"{name}-{size}": mean for size, mean in zip(sizes, means.tolist(), strict=True)
                }
            logs |= self.latest
        super().log(logs, start_time)

    def _get_train_sampler(self, *_: Any) -> Sampler[int]:
        return SequentialSampler(self.train_dataset)

    def _save(self, output_dir: str | None = None, state_dict: Any = None) -> None:
        # The vocabulary projection is the embeddings: safetensors refuses to write it twice.
        folder = Path(output_dir or self.args.output_dir)
        folder.mkdir(parents=True, exist_ok=True)
        save_model(self.model, str(folder / SAFE_WEIGHTS_NAME))

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        load_model(self.model, str(Path(resume_from_checkpoint) / SAFE_WEIGHTS_NAME))


def _train(
    model: Any,
    tokenizer: PreTrainedTokenizerBase,
    settings: Pretraining,
    texts: Sequence[str],
    folder: Path,
    seed: int,
    identity: str,
    what: str,
    in_memory: bool,
) -> dict[str, Any]:
    room = positions_of(encoder_of(model.masked_lm))
    if room is not None and settings.max_length > room:
        raise InputError(f"max_length is {settings.max_length}, the backbone takes {room} tokens")
    vocabulary = vocabulary_of(tokenizer, model.masked_lm.config.vocab_size, what)
    documents: Documents = (
        tokenize_documents(texts, tokenizer, len(texts))
        if in_memory
        else TextDocuments(texts, tokenizer)
    )
    steps = total_steps(settings, len(documents))
    objective = PRETRAINING_OBJECTIVES[settings.objective]
    mask = _named_by(objective, objective.examples)
    positions = steps * settings.batch_size
    skips = SkipNotFinite(what, settings.max_skipped)
    train_log = TrainLog(what, folder, skips)
    trainer = _InOrder(
        model=model,
        args=TrainingArguments(
            **trainer_arguments(settings, folder, steps, seed), remove_unused_columns=False
        ),
        train_dataset=MaskedExamples(
            documents, tokenizer, vocabulary, settings, positions, seed, mask
        ),
        data_collator=Padding(tokenizer.pad_token_id),
        callbacks=[StepSeed(seed, "pretrain"), skips, train_log, SaveInTime(what)],
        losses=StepLosses(what, skips),
    )
    trainer.remove_callback(PrinterCallback)  # TrainLog says all this, and how far the run is.
    trained = trainer.train(resume_from_checkpoint=last_checkpoint(folder, identity))
    return {
        "steps": steps,
        "batch_size": settings.batch_size,
        "processes": processes(),
        "documents": len(documents),
        "parameters": sum(p.numel() for p in encoder_of(model.masked_lm).parameters()),
        "final_loss": trainer.final_loss(),
        "full_mlm_loss": trainer.latest.get(f"mlm-{max(model.sizes)}"),
        "frequency_loss": round(frequency_loss(documents), 4),
        **skips.facts(),
        "loop_s": round(trained.metrics["train_runtime"], 2),
        "dtype": {"weights": "float32", "forward": settings.precision},
        "device": str(trainer.args.device),
    }


def _save(
    model: Any, tokenizer: PreTrainedTokenizerBase, folder: Path, weights: Stored
) -> list[str]:
    """Save the backbone file by file beside the checkpoints; return the names of the files."""
    with written_whole(folder / "saved") as temporary:
        model.masked_lm.save_pretrained(temporary)
        tokenizer.save_pretrained(temporary)
        if model.decoder is not None:
            save_file(
                {name: tensor.contiguous() for name, tensor in model.decoder.state_dict().items()},
                temporary / DECODER_FILE,
            )
        store_as(weights, temporary)
        share(temporary)
        names = sorted(path.name for path in temporary.iterdir())
        for old in ("manifest.json", DECODER_FILE):  # would vouch for, or be taken for, the new
            (folder / old).unlink(missing_ok=True)
        for name in names:
            (temporary / name).replace(folder / name)
    shutil.rmtree(folder / "saved")
    return names
