"""Running the export of one size of a model: a folder that other programs load as it is."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path

from starbench.config.config import Config
from starbench.machine.files import sha256_of, written_whole
from starbench.machine.lock import only_one_in
from starbench.machine.startup import importing
from starbench.run import versions
from starbench.run.backbones import opened_model
from starbench.run.exports import Exported, formats_of
from starbench.run.models import MODEL_FOLDER
from starbench.run.paths import RunPaths
from starbench.run.slices import export_slice
from starbench.run.texts import with_corpora
from starbench.stages.export.family import CARD, Scores, family_scores
from starbench.store.manifest import Stage

log = logging.getLogger(__name__)


def export_model(config: Config, paths: RunPaths, one: Exported) -> Path:
    """Export one size of a model, and return the folder; what is exported already is left alone.

    Writes a SentenceTransformer folder with a model card, ``onnx/`` for the families that have it
    and, last, ``manifest.json``.

    Raises InputError for a model that is not trained or too small, data that are not fetched, or
    an ONNX file whose vectors are not those of torch.
    """
    model, seed, size = one.model, one.seed, one.size
    folder = paths.export(model.track, model.name, seed, size)
    source = paths.model(model.track, model.name, seed)
    scores = family_scores(config, paths, model, seed)
    scored = with_corpora(config, config.tracks[model.track].scored)
    # The card shows the scores: exported before them, it is written again.
    part = {**export_slice(config, model, size), "seed": seed, "scores": scores}
    stage = Stage("export", versions.EXPORT, part, [source, *map(paths.dataset, scored)])
    with only_one_in(folder, "export"):
        if stage.is_done(folder):
            log.info("%s: already exported", folder)
            return folder
        opened_model(source)
        with written_whole(folder) as temporary:
            _export(config, paths, one, scores, stage, temporary)
            shutil.rmtree(folder, ignore_errors=True)
    return folder


def _export(
    config: Config,
    paths: RunPaths,
    one: Exported,
    scores: Scores | None,
    stage: Stage,
    folder: Path,
) -> None:
    formats = formats_of(config)
    with importing():
        from starbench.stages.export import folder as made
    if formats.onnx:
        made.refuse_without_packages()
    source = paths.model(one.model.track, one.model.name, one.seed)
    model, unrounded = made.small_model(config, source / MODEL_FOLDER, one, folder)
    checked = made.check(config, paths, one, model, unrounded, folder)
    hashes = {"the model": source / "manifest.json", "the run": paths.root / "manifest.json"}
    known = {what: sha256_of(file) for what, file in hashes.items() if file.is_file()}
    text = made.card_of(config, paths, one, model, checked, scores, known)
    (folder / CARD).write_text(text, encoding="utf-8")
    files = sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())
    facts = {Path(found.file).stem: found.facts() for found in checked.formats}
    stage.finish(
        folder,
        files,
        system=one.model.system,
        parameters=made.parameters_of(model),
        loads_as={"layers": one.size.layers, "dim": one.size.dim},
        formats=facts,
        no_onnx=checked.no_onnx,
        weights=formats.weights,
    )
