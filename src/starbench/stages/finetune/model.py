"""What a fine-tuning begins with: a backbone with what follows it, or models trained before."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Pooling, Transformer
from transformers import AutoConfig

from starbench.config.training import Finetuning, Use
from starbench.encoders.attention import use_fast_attention
from starbench.encoders.cutting import cut_to_depth
from starbench.encoders.families import check_recomputing, drop_pooler, family_named
from starbench.encoders.loading import loading
from starbench.encoders.modules import MODULES, transformer_in
from starbench.encoders.positions import positions_of
from starbench.errors import InputError
from starbench.run.models import Model
from starbench.run.prompts import guide_prompt, own_prompt, training_roles
from starbench.sizes import check_sizes
from starbench.stages.finetune.guide import Guide
from starbench.stages.finetune.one_pass import depth_of, width_of
from starbench.stages.finetune.teacher import Teacher
from starbench.tracks import TRACKS

if TYPE_CHECKING:
    from starbench.config.config import Config

SIMILARITIES = ("cosine", "dot")


def build_model(
    backbone: Path,
    model: Model,
    prompts: dict[str, str] | None = None,
    starts: Sequence[tuple[Path, float]] = (),
) -> SentenceTransformer:
    """Return the untrained model: the backbone, cut to the deepest layer of the model's sizes.

    Of a backbone that is a SentenceTransformer all modules, prompts, the similarity and the longest
    text are kept; what the config says goes before. Only objectives with one model per size are
    cut; the others keep every layer.

    Args:
        backbone: folder of the backbone.
        model: what is to be made of it.
        prompts: the config's prompts by their names.
        starts: folders of trained models, each with its share: their average is taken in place of
            the backbone.

    Raises:
        InputError: a size beyond the backbone, a backbone that cannot be loaded, or trained models
            that are not of one shape.
    """
    use = model.use
    with loading(backbone, "backbone"):
        dropout = _dropout(use, backbone, model.objective.freezes_encoder)
        encoder = None if starts else _loaded(backbone, dropout)
    if encoder is None:
        encoder = _averaged(starts, dropout)
    transformer: Transformer = encoder[0]
    drop_pooler(transformer.model)
    if isinstance(use, Finetuning):
        check_recomputing(transformer.model, use.gradient_checkpointing)
    if use.max_length is not None:
        transformer.max_seq_length = use.max_length
    _fit_length(transformer, use.max_length, backbone)
    use_fast_attention(transformer.model)
    if use.pooling is not None:
        _pool_by(encoder, use.pooling)
    encoder.similarity_fn_name = _similarity(encoder, use, backbone)
    _add_prompts(encoder, prompts or {})
    check_sizes(model.sizes, depth_of(encoder), width_of(encoder), f"backbone {backbone}")
    if len(model.sizes) == 1:
        transformer.model = cut_to_depth(transformer.model, model.sizes[0].layers)
    if model.objective.freezes_encoder:
        encoder.requires_grad_(False)
    return encoder


def guide_of(config: Config, model: Model, backbone: Path) -> Guide:
    """Return the guide of a model's training, from the folder of its backbone."""
    options, name = model.finetuning.guide, model.guide
    assert options is not None and name is not None
    with loading(backbone, "guide"):
        encoder = _loaded(backbone, {})
    use_fast_attention(encoder[0].model)
    _fit_length(encoder[0], None, backbone)
    prompts = [
        guide_prompt(config, model, (encoder.prompts, encoder.default_prompt_name), role)
        for role in training_roles(model, 2)
    ]
    return Guide(
        encoder,
        options.margin,
        options.margin_strategy,
        options.contrast_anchors,
        options.contrast_positives,
        (prompts[0], prompts[1]),
    )


def teacher_of(model: Model, folder: Path) -> Teacher:
    """Return the teacher of a model's training, from the folder of its SentenceTransformer."""
    options = model.finetuning.teacher
    assert options is not None
    with loading(folder, "teacher"):
        encoder = _loaded(folder, {})
    use_fast_attention(encoder[0].model)
    dataset, task_type = model.finetuning.datasets[0], TRACKS[model.track].mteb_type
    own = encoder.prompts, encoder.default_prompt_name
    first, second = (
        own_prompt(*own, task_type, (dataset, role)) for role in training_roles(model, 2)
    )
    return Teacher(encoder, options.weight, options.temperature, (first, second))


def overridden(backbone: Path, use: Use) -> dict[str, list[str]]:
    """Return {key: [what the checkpoint says, what the config says]} where the two differ."""
    source = transformer_in(backbone, str(backbone))
    asked = {"pooling": use.pooling, "similarity": use.similarity}
    own = {"pooling": source.pooling, "similarity": source.similarity}
    return {
        key: [str(own[key]), value]
        for key, value in asked.items()
        if value is not None and own[key] not in (None, value)
    }


def _dropout(use: Use, backbone: Path, freezes: bool) -> dict[str, Any]:
    """Return the keys of the encoder's config that the config's dropout sets."""
    kind = AutoConfig.from_pretrained(backbone).model_type
    family = family_named(kind, f"backbone {backbone}")
    dropout = use.dropout if isinstance(use, Finetuning) else None
    dropout = 0.0 if freezes else dropout
    return {} if dropout is None else dict.fromkeys(family.dropout, dropout)


def _loaded(backbone: Path, overrides: dict[str, Any]) -> SentenceTransformer:
    weights = {"dtype": torch.float32}
    if (backbone / MODULES).is_file():
        return SentenceTransformer(
            str(backbone),
            device="cpu",
            local_files_only=True,
            model_kwargs=weights,
            config_kwargs=overrides,
        )
    transformer = Transformer(str(backbone), model_kwargs=weights, config_kwargs=overrides)
    pooling = Pooling(transformer.get_embedding_dimension(), pooling_mode="mean")
    return SentenceTransformer(modules=[transformer, pooling], device="cpu")


def _averaged(starts: Sequence[tuple[Path, float]], dropout: dict[str, Any]) -> SentenceTransformer:
    """Return the first of some trained models with the average of the weights of all."""
    models = []
    for folder, _ in starts:
        with loading(folder, "model"):
            models.append(_loaded(folder, dropout))
    first, *others = models
    weights = [dict(model.named_parameters()) for model in models]
    shapes = [{name: tuple(w.shape) for name, w in of_one.items()} for of_one in weights]
    for (folder, _), found in zip(starts, shapes, strict=True):
        if found != shapes[0]:
            raise InputError(
                f"{folder} and {starts[0][0]} have weights of other shapes: no average"
            )
    if others:
        with torch.no_grad():
            for name, parameter in weights[0].items():
                parts = (
                    share * of_one[name] for (_, share), of_one in zip(starts, weights, strict=True)
                )
                parameter.copy_(sum(parts))
    return first


def _pool_by(encoder: SentenceTransformer, mode: str) -> None:
    """Replace the pooling; what follows it stays."""
    for name, module in encoder.named_children():
        if isinstance(module, Pooling) and module.pooling_mode != mode:
            other = Pooling(module.embedding_dimension, mode, module.include_prompt)
            encoder._modules[name] = other


def _similarity(encoder: SentenceTransformer, use: Use, backbone: Path) -> str:
    """Return the similarity that the config names, the checkpoint's, or the cosine."""
    found = str(use.similarity or encoder.similarity_fn_name or "cosine")
    if found not in SIMILARITIES:
        raise InputError(
            f"backbone {backbone}: its similarity is {found}; set `similarity` to cosine or dot"
        )
    return found


def _add_prompts(encoder: SentenceTransformer, prompts: dict[str, str]) -> None:
    """Keep the config's prompts with the model, under the names that they have there."""
    encoder.prompts = {**encoder.prompts, **prompts}
    if "passage" in prompts:
        # What the library's `encode_document` looks for first.
        encoder.prompts["document"] = prompts["passage"]
    if "text" in prompts:
        encoder.default_prompt_name = "text"


def _fit_length(transformer: Transformer, asked: int | None, backbone: Path) -> None:
    """Take no longer texts than there are positions for; InputError if the config asks for them."""
    positions = positions_of(transformer.model)
    longest = transformer.max_seq_length
    if positions is None or (longest is not None and longest <= positions):
        return
    if asked is not None:
        raise InputError(f"max_length is {asked}, backbone {backbone} has {positions} positions")
    transformer.max_seq_length = positions
