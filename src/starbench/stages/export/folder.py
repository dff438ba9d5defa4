"""The files of an exported size: the small model, its ONNX files, and the checks of these."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from sentence_transformers import SentenceTransformer

from starbench.config.config import Config
from starbench.encoders.loading import loading
from starbench.encoders.onnx_model import (
    refuse_without_packages,
    why_no_onnx,
    write_int8,
    write_onnx,
)
from starbench.encoders.portable import longest_text, write_model
from starbench.encoders.small_model import cut, module_width, parameters_of
from starbench.encoders.stored import FLOAT32
from starbench.errors import InputError
from starbench.run.exports import Exported, formats_of, sizes_trained
from starbench.run.paths import RunPaths
from starbench.run.prompts import prompt_for
from starbench.sizes import Size
from starbench.stages.export.card import Facts, Format, card
from starbench.stages.export.family import Scores, checkpoint_of, licence_of
from starbench.stages.export.scored import sample_texts, scores_beside
from starbench.stages.export.vectors import Embed, cosines, onnx_embed, torch_embed

__all__ = ["Checked", "card_of", "check", "parameters_of", "refuse_without_packages", "small_model"]

log = logging.getLogger(__name__)

TEXTS = 64
"""Texts of the run on which each format is compared with torch."""
LEAST_COSINE = 1 - 1e-6
"""Of a float32 vector with that of torch."""
FP32, INT8 = "onnx/model.onnx", "onnx/model_int8.onnx"


@dataclass(frozen=True)
class Checked:
    """How near the vectors of a folder's formats are to those of the run's model."""

    formats: Sequence[Format] = ()
    no_onnx: str | None = None
    """Why there are no ONNX files, if there should be."""
    rounded: np.ndarray | None = None
    """Of each text: the cosine of the vectors of rounded and unrounded weights, (texts,)."""


def small_model(
    config: Config, source: Path, one: Exported, folder: Path
) -> tuple[SentenceTransformer, SentenceTransformer]:
    """Write the size of a model into a folder.

    Returns:
        The model as it is loaded from there, and as it was before its weights were stored.

    Raises InputError for a size that the model does not have.
    """
    whole = _loaded(source)
    full = Size(int(whole[0].model.config.num_hidden_layers), module_width(whole))
    small = cut(whole, one.size, sizes_trained(one.model, full) or None)
    write_model(small, folder, formats_of(config).weights)
    return _loaded(folder), small


def _loaded(folder: Path) -> SentenceTransformer:
    with loading(folder, "model"):
        return SentenceTransformer(str(folder), device="cpu", local_files_only=True).eval()


def check(
    config: Config,
    paths: RunPaths,
    one: Exported,
    model: SentenceTransformer,
    unrounded: SentenceTransformer,
    folder: Path,
) -> Checked:
    """Write the formats that the config asks for, and compare each with torch.

    Args:
        config: the run's config.
        paths: where its data are.
        one: what is exported.
        model: the model as it is loaded from the folder.
        unrounded: the model that was stored there.
        folder: where the files go.

    Raises InputError for a float32 graph whose vectors are not those of torch.
    """
    asked = formats_of(config)
    reason = why_no_onnx(model) if asked.onnx else None
    if reason is not None:
        log.info("no ONNX of %s: %s", one.model.name, reason)
    rounds, writes = asked.weights != FLOAT32, asked.onnx and reason is None
    if not (rounds or writes):
        return Checked(no_onnx=reason)
    texts = sample_texts(config, paths, one.model.track, TEXTS)
    expected = torch_embed(model)(texts)
    rounded = cosines(expected, torch_embed(unrounded.eval())(texts)) if rounds else None
    formats = _onnx(config, paths, one, model, folder, texts, expected) if writes else []
    return Checked(formats, reason, rounded)


def _onnx(
    config: Config,
    paths: RunPaths,
    one: Exported,
    model: SentenceTransformer,
    folder: Path,
    texts: list[str],
    expected: np.ndarray,
) -> list[Format]:
    write_onnx(model, folder / FP32)
    fp32 = onnx_embed(folder / FP32, model)
    formats = [Format(FP32, _megabytes(folder / FP32), cosines(fp32(texts), expected))]
    least = float(formats[0].cosines.min())
    if not least >= LEAST_COSINE:
        raise InputError(
            f"{one.model.name} at {one.size}: a vector of the ONNX file has the cosine {least:.7f} "
            f"with that of torch, less than {LEAST_COSINE}: set export.onnx to false"
        )
    if formats_of(config).int8:
        formats.append(_int8(config, paths, one, model, folder, texts, expected, fp32))
    return formats


def _int8(
    config: Config,
    paths: RunPaths,
    one: Exported,
    model: SentenceTransformer,
    folder: Path,
    texts: list[str],
    expected: np.ndarray,
    fp32: Embed,
) -> Format:
    write_int8(folder / FP32, folder / INT8)
    int8 = onnx_embed(folder / INT8, model)
    similarity = str(model.similarity_fn_name)
    own = model.prompts, model.default_prompt_name
    prompt = partial(prompt_for, config, one.model, own)
    beside = scores_beside(config, paths, one.model.track, fp32, int8, similarity, prompt)
    return Format(INT8, _megabytes(folder / INT8), cosines(int8(texts), expected), list(beside))


def card_of(
    config: Config,
    paths: RunPaths,
    one: Exported,
    model: SentenceTransformer,
    checked: Checked,
    scores: Scores | None,
    hashes: dict[str, str],
) -> str:
    """Return the card of an exported model."""
    backbone = checkpoint_of(config, one.model)
    facts = Facts(
        parameters=parameters_of(model),
        max_length=longest_text(model),
        similarity=str(model.similarity_fn_name),
        prompts=dict(model.prompts),
        licence=licence_of(paths, backbone) if backbone else None,
        scores=scores,
        formats=checked.formats,
        no_onnx=checked.no_onnx,
        rounded=None if checked.rounded is None else float(checked.rounded.min()),
        hashes=hashes,
    )
    return card(config, one, facts)


def _megabytes(path: Path) -> float:
    return path.stat().st_size / 1e6
