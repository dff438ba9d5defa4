"""A model's embeddings on disk: what they depend on, and opening them."""

from __future__ import annotations

from typing import Literal

from starbench.config.config import Config
from starbench.errors import InputError
from starbench.run import versions
from starbench.run.models import Model
from starbench.run.paths import RunPaths
from starbench.run.slices import text_set_slice
from starbench.run.texts import TextSet
from starbench.store.embeddings import StoredEmbeddings
from starbench.store.manifest import Stage, read_manifest


def embed_stage(config: Config, paths: RunPaths, model: Model, seed: int, texts: TextSet) -> Stage:
    """Return the stage that embeds `texts`: its identity tells whose embeddings a folder holds."""
    inputs = [paths.model(model.track, model.name, seed), *map(paths.dataset, model.fitted_on())]
    part = {**text_set_slice(config, model, texts.dataset, texts.part), "texts": texts.folder}
    if texts.shards > 1 or texts.shard_rows:
        part["contents"] = texts.checksum(paths)
    else:
        inputs.append(texts.source(paths))
    return Stage("embed", versions.EMBED, part, inputs)


def similarity_of(embeddings: StoredEmbeddings, model: Model) -> Literal["cosine", "dot"]:
    """Return what compares a model's embeddings: `cosine` or `dot`.

    Their manifest says so; older versions took what the config says.
    """
    found = embeddings.manifest.get("similarity") or model.use.similarity
    return "dot" if found == "dot" else "cosine"


def opened_embeddings(
    config: Config, paths: RunPaths, model: Model, seed: int, texts: TextSet
) -> StoredEmbeddings:
    """Return a model's embeddings of `texts`; InputError if they are of another model or config."""
    folder = paths.embeddings(model.track, model.name, seed) / texts.folder
    identity = embed_stage(config, paths, model, seed, texts).identity
    if read_manifest(folder, "embed").get("identity") != identity:
        raise InputError(
            f"{folder} holds embeddings of another model, dataset or config: remove it and "
            "embed again"
        )
    return StoredEmbeddings(folder)
