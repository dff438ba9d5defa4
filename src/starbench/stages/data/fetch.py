"""Fetching one dataset: read it from its source, check every record, keep it normalised."""

from __future__ import annotations

import logging
from pathlib import Path

from starbench.config.config import Config
from starbench.errors import InputError
from starbench.machine.progress import Progress
from starbench.run import versions
from starbench.run.paths import RunPaths
from starbench.sources.source import Source
from starbench.stages.data.checks import checked
from starbench.stages.data.collections import fetch_collection
from starbench.store.manifest import Stage
from starbench.store.records import RECORDS, SCHEMAS, write_records
from starbench.store.source_files import source_files

log = logging.getLogger(__name__)


def fetch_dataset(config: Config, paths: RunPaths, name: str) -> None:
    """Fetch the dataset `name` of the config into its folder.

    Raises InputError for a record that is missing a field, holds no text or no number, and for
    a dataset without records; nothing is left behind then.
    """
    source: Source = config.datasets[name]
    folder = paths.dataset(name)
    other = paths.dataset(source.corpus) if source.corpus else None
    inputs = [other] if other else []
    root = config.resolved_data_root()
    origin = source_files(folder, source.files(root))
    stage = Stage("data", versions.DATA, source.contents_slice(), inputs, origin.checksums)
    if source.kind == "collection":
        counts = fetch_collection(name, source.collection(root), folder, other)
    else:
        counts = {RECORDS: _fetch_records(name, source, root, folder)}
    origin.write(folder)
    stage.finish(folder, list(counts), records=counts)
    log.info("dataset %s: %s", name, ", ".join(f"{n} {f.split('.')[0]}" for f, n in counts.items()))


def _fetch_records(name: str, source: Source, root: Path | None, folder: Path) -> int:
    path = folder / RECORDS
    with Progress(f"fetch {name}", source.rows, unit="records") as progress:
        counted = progress.counting(checked(source.kind, source.records(root)))
        count = write_records(path, SCHEMAS[source.kind], counted)
    if count == 0:
        path.unlink()
        raise InputError(f"dataset '{name}' has no records")
    return count
