"""Fitting a cut on training texts, once for all that a model embeds."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from starbench.config.config import Config
from starbench.config.names import FITTED_CUTS
from starbench.encoders.directions import Directions
from starbench.errors import InputError
from starbench.machine.lock import only_one_in
from starbench.run import versions
from starbench.run.models import Model
from starbench.run.paths import RunPaths
from starbench.run.prompts import prompt_for
from starbench.run.slices import embedding_slice
from starbench.sizes import widest_dim_by_layer
from starbench.stages.embed.cut import CUTS, Cut, FittedCut, RandomCut
from starbench.store.arrays import load_array, save_array
from starbench.store.artifacts import opened
from starbench.store.manifest import Stage
from starbench.store.records import GOLD, passage_text, read_records
from starbench.tracks import TRACKS

if TYPE_CHECKING:
    from starbench.stages.embed.layered_encoder import LayeredEncoder

log = logging.getLogger(__name__)

FOLDER = "_cut"
"""Beside the folders of datasets, whose names have no underscore."""
MOST_TEXTS = 8192
"""Training texts that a cut is fitted on, evenly spaced over all."""


def cut_of(
    config: Config, paths: RunPaths, model: Model, seed: int, encoder: LayeredEncoder
) -> Cut | None:
    """Return what cuts a model's embeddings, fitted if it has to be; None for the first dimensions.

    Raises InputError for fewer training texts than dimensions.
    """
    if model.cut == "random":
        return RandomCut(seed)
    if model.cut not in FITTED_CUTS:
        return None
    folder = paths.embeddings(model.track, model.name, seed) / FOLDER
    inputs = [
        paths.model(model.track, model.name, seed),
        *map(paths.dataset, model.fitted_on()),
    ]
    stage = Stage("embed", versions.EMBED, {"fit": embedding_slice(config, model)}, inputs)
    with only_one_in(folder, "embedding"):
        if not stage.is_done(folder):
            _fit(config, paths, model, encoder, folder, stage)
    opened(folder, "embed")
    return FittedCut(
        {layer: Directions(*_loaded(folder, layer)) for layer in widest_dim_by_layer(model.cells)}
    )


def _loaded(folder: Path, layer: int) -> Iterator[np.ndarray]:
    for what in ("mean", "directions"):
        yield load_array(folder / f"layer-{layer}-{what}.npy")


def _fit(
    config: Config,
    paths: RunPaths,
    model: Model,
    encoder: LayeredEncoder,
    folder: Path,
    stage: Stage,
) -> None:
    widths = widest_dim_by_layer(model.cells)
    groups = training_texts(config, paths, model, encoder, MOST_TEXTS)
    count, widest = sum(len(texts) for _, texts in groups), max(widths.values())
    if count <= widest:
        raise InputError(
            f"model {model.name}: {model.cut} of {widest} dimensions needs more training texts, "
            f"there are {count}"
        )
    embedded = _embedded(encoder, groups, model.use.max_length)
    files = []
    for layer, dims in widths.items():
        found = CUTS[model.cut](embedded[layer], dims)
        for what, array in (("mean", found.mean), ("directions", found.directions)):
            files.append(f"layer-{layer}-{what}.npy")
            save_array(folder / files[-1], array)
    stage.finish(folder, files, texts=count)
    log.info("%s: %s fitted on %d training texts", model.name, model.cut, count)


def _embedded(
    encoder: LayeredEncoder, groups: Sequence[tuple[str, list[str]]], longest: int | None
) -> dict[int, np.ndarray]:
    """Return {layer: (N, E)} of texts with their prompts."""
    parts = []
    for prompt, texts in groups:
        left_out = encoder.left_out_of(prompt)
        ids = encoder.tokenize([prompt + text for text in texts], longest)
        for batch in encoder.batches([len(row) for row in ids]):
            parts.append(encoder.embed_batch([ids[row] for row in batch], left_out))
    return {layer: np.concatenate([part[layer] for part in parts]) for layer in encoder.layers}


def training_texts(
    config: Config, paths: RunPaths, model: Model, encoder: LayeredEncoder, most: int
) -> list[tuple[str, list[str]]]:
    """Return (prompt, distinct texts) of each dataset that a model is trained on, evenly spaced.

    They are the passages of training queries, and all texts of other examples; of `most` texts in
    all, each dataset has an equal share.
    """
    role = "passage" if TRACKS[model.track].searches else "text"
    groups = []
    for name in model.fitted_on():
        prompt = prompt_for(config, model, encoder.prompts, name, role)
        texts = list(dict.fromkeys(_texts(paths.dataset(name), config.datasets[name].kind)))
        count = min(most // len(model.fitted_on()), len(texts))
        groups.append((prompt, [texts[number * len(texts) // count] for number in range(count)]))
    return groups


def _texts(folder: Path, kind: str) -> Iterator[str]:
    rows = read_records(folder)
    if kind == "training-queries":
        return (passage_text(passage) for passage in chain.from_iterable(rows["positive_passages"]))
    columns = [name for name in rows.column_names if name not in GOLD]
    return chain.from_iterable(rows[name] for name in columns)
