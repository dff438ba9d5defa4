"""Running the embedding of one dataset by one model, all layers at once."""

from __future__ import annotations

import logging

from starbench.config import Config
from starbench.data.store import read_records
from starbench.embedding import RESULTS_VERSION
from starbench.embedding.layered_encoder import LayeredEncoder
from starbench.embedding.store import EmbeddingWriter, write_ids
from starbench.embedding.texts import texts_of
from starbench.errors import InputError
from starbench.manifest import Stage
from starbench.models import MODEL_FOLDER, embedding_slice, finetuning_of, model_named
from starbench.paths import RunPaths
from starbench.progress import Progress
from starbench.sizes import widest_dim_by_layer

log = logging.getLogger(__name__)

WINDOW = 100_000
"""Texts that are tokenized and sorted by length at a time."""


def embed_texts(
    config: Config, paths: RunPaths, track: str, name: str, seed: int, dataset: str
) -> None:
    """Embed the texts of a dataset with one model and keep every layer that a cell needs.

    Raises InputError for a model that is too small for its cells.
    """
    model = model_named(config, track, name)
    section = config.tracks[track].embedding  # type: ignore[index]
    source, folder = paths.model(track, name, seed), paths.embeddings(track, name, seed, dataset)
    data = paths.dataset(dataset)
    stage = Stage("embed", RESULTS_VERSION, embedding_slice(config, model), [source, data])
    widths = widest_dim_by_layer(model.cells)
    encoder = LayeredEncoder.load(
        source / MODEL_FOLDER,
        list(widths),
        section.max_length or finetuning_of(config, model.system, track).max_length,
        section.precision,
        section.tokens_per_batch,
    )
    if max(widths.values()) > encoder.width:
        raise InputError(f"model {name} has {encoder.width} dimensions, not {max(widths.values())}")
    texts = texts_of(read_records(data))
    writer = EmbeddingWriter(folder, len(texts), widths, section.dtype)
    _embed(encoder, texts, writer, f"embed {dataset} with {name} seed {seed}")
    write_ids(folder, [str(row) for row in range(len(texts))])
    stage.finish(
        folder,
        [*writer.close(), "ids.txt"],
        texts=len(texts),
        device=str(encoder.device),
        dtype={"weights": "float32", "forward": section.precision, "vectors": section.dtype},
    )


def _embed(encoder: LayeredEncoder, texts: list[str], writer: EmbeddingWriter, what: str) -> None:
    with Progress(what, len(texts), "texts") as progress:
        for start in range(0, len(texts), WINDOW):
            ids = encoder.tokenize(texts[start : start + WINDOW])
            for batch in encoder.batches([len(row) for row in ids]):
                embeddings = encoder.embed_batch([ids[row] for row in batch])
                writer.write([start + row for row in batch], embeddings)
                progress.step(len(batch))
