"""Running the embedding of all texts that a model is scored on, all layers at once."""

from __future__ import annotations

import logging
import time
from pathlib import Path
from typing import TYPE_CHECKING

from starbench.config.config import Config
from starbench.errors import InputError
from starbench.machine.files import scratch_folder
from starbench.machine.lock import only_one_in
from starbench.machine.progress import Progress
from starbench.machine.startup import importing
from starbench.run import versions
from starbench.run.backbones import opened_model
from starbench.run.embeddings import embed_stage
from starbench.run.models import Model, model_named
from starbench.run.paths import RunPaths
from starbench.run.prompts import ROLES, prompt_for
from starbench.run.slices import embedding_slice, text_set_slice
from starbench.run.texts import WINDOW, Texts, TextSet, shard_of, sharded, text_sets
from starbench.sizes import widest_dim_by_layer
from starbench.stages.embed.cut import Cut
from starbench.stages.embed.fitting import cut_of
from starbench.store.embeddings import EmbeddingWriter
from starbench.store.manifest import Stage

if TYPE_CHECKING:
    from starbench.stages.embed.layered_encoder import LayeredEncoder

log = logging.getLogger(__name__)


def embed_texts(config: Config, paths: RunPaths, track: str, name: str, seed: int) -> None:
    """Embed with one model all texts of its track but those that shards have jobs for.

    Sets of texts that are already embedded, by the same model and config, are left as they are.
    Raises InputError for a model that is too small for its cells.
    """
    model = model_named(config, track, name)
    sets = text_sets(config, track)
    own = [texts for texts in sets if texts not in sharded(sets)]
    _embed_sets(config, paths, model, seed, own)
    folder = paths.embeddings(track, name, seed)
    stage = Stage("embed", versions.EMBED, embedding_slice(config, model), inputs=[])
    stage.finish(folder, [f"{texts.folder}/manifest.json" for texts in own])


def embed_shard(
    config: Config, paths: RunPaths, track: str, name: str, seed: int, dataset: str, shard: int
) -> None:
    """Embed one shard of a collection's passages with one model."""
    texts = shard_of(config, dataset, shard)
    _embed_sets(config, paths, model_named(config, track, name), seed, [texts])


def _embed_sets(
    config: Config, paths: RunPaths, model: Model, seed: int, sets: list[TextSet]
) -> None:
    root = paths.embeddings(model.track, model.name, seed)
    encoder: LayeredEncoder | None = None
    cut: Cut | None = None
    for texts in sets:
        found = texts.open(paths)
        stage = embed_stage(config, paths, model, seed, texts)
        with only_one_in(root / texts.folder, "embedding"):
            if stage.is_done(root / texts.folder):
                log.info("%s: already embedded", texts.folder)
                continue
            if encoder is None:
                encoder = _load(config, paths, model, seed)
                cut = cut_of(config, paths, model, seed, encoder)
            folder = root / texts.folder
            _embed_set(config, paths, encoder, cut, model, seed, texts, found, stage, folder)


def _embed_set(
    config: Config,
    paths: RunPaths,
    encoder: LayeredEncoder,
    cut: Cut | None,
    model: Model,
    seed: int,
    texts: TextSet,
    found: Texts,
    stage: Stage,
    folder: Path,
) -> None:
    part = text_set_slice(config, model, texts.dataset, texts.part)
    longest = part["query_max_length" if texts.part == "queries" else "max_length"]
    what = f"embed {texts.folder} with {model.name} seed {seed}"
    start = time.monotonic()
    with (
        scratch_folder(config.compute.embed.scratch, "compute.embed.scratch") as scratch,
        EmbeddingWriter(folder, len(found), part["widths"], part["dtype"], scratch) as writer,
    ):
        prompts: dict[str, str] = {}
        task = texts.task(paths)
        for role, first, of_role in found.by_role(ROLES[texts.part]):
            of = texts.dataset, role, task
            prompts[role] = prompt_for(config, model, encoder.prompts, *of)
            _embed(encoder, cut, of_role, writer, longest, what, prompts[role], first)
        files = writer.close()
    stage.finish(
        folder,
        files,
        texts=len(found),
        loop_s=round(time.monotonic() - start, 2),
        device=str(encoder.device),
        similarity=encoder.similarity,
        normalises=encoder.source is not None and encoder.source.normalises,
        prompt=prompts if task else prompts[ROLES[texts.part]],
        dtype={"forward": part["precision"], "vectors": part["dtype"]},
    )


def _load(config: Config, paths: RunPaths, model: Model, seed: int) -> LayeredEncoder:
    # Scoring asks here for what is embedded: it needs no transformers, which take seconds.
    with importing():
        from starbench.stages.embed.layered_encoder import LayeredEncoder

    section = config.tracks[model.track].embedding
    widths = widest_dim_by_layer(model.cells)
    encoder = LayeredEncoder.load(
        opened_model(paths.model(model.track, model.name, seed)),
        list(widths),
        precision=section.precision,
        tokens_per_batch=section.tokens_per_batch,
    )
    widest = max(widths.values())
    if widest > encoder.width:
        raise InputError(f"model {model.name} has {encoder.width} dimensions, not {widest}")
    return encoder


def _embed(
    encoder: LayeredEncoder,
    cut: Cut | None,
    texts: Texts,
    writer: EmbeddingWriter,
    longest: int | None,
    what: str,
    prompt: str,
    offset: int,
) -> None:
    left_out = encoder.left_out_of(prompt)
    with Progress(what, len(texts), "texts") as progress:
        for start, names, window in texts.windows(WINDOW):
            writer.write_ids(names)
            ids = encoder.tokenize([prompt + text for text in window], longest)
            for batch in encoder.batches([len(row) for row in ids]):
                embeddings = encoder.embed_batch([ids[row] for row in batch], left_out)
                if cut is not None:
                    embeddings = {layer: cut(layer, found) for layer, found in embeddings.items()}
                writer.write([offset + start + row for row in batch], embeddings)
                progress.step(len(batch))
            writer.flush()
