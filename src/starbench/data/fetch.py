"""Fetching one dataset: read it from its source, check every record, keep it normalised."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from starbench.config import Config
from starbench.data import RESULTS_VERSION
from starbench.data.sources import Source
from starbench.data.store import FILE, SCHEMAS, write_records
from starbench.errors import InputError, did_you_mean
from starbench.manifest import Stage
from starbench.paths import RunPaths
from starbench.progress import Progress

log = logging.getLogger(__name__)


def fetch_dataset(config: Config, paths: RunPaths, name: str) -> None:
    """Fetch the dataset `name` of the config into its folder.

    Raises InputError for a record that is missing a field, holds no text or no number, and for
    a dataset without records; nothing is left behind then.
    """
    source: Source = config.datasets[name]
    stage = Stage("data", RESULTS_VERSION, source.model_dump(), inputs=[])
    folder = paths.dataset(name)
    count = write_records(
        folder, source.kind, _normalised(name, source, config.resolved_data_root())
    )
    if count == 0:
        (folder / FILE).unlink()
        raise InputError(f"dataset '{name}' has no records")
    stage.finish(folder, [FILE], records=count)
    log.info("dataset %s: %d records", name, count)


def _normalised(name: str, source: Source, root: Path | None) -> Iterator[dict[str, Any]]:
    with Progress(f"fetch {name}", source.rows, unit="records") as progress:
        for where, record in source.records(root):
            yield {
                field: _checked(record, field, where, source.kind)
                for field in SCHEMAS[source.kind].names
            }
            progress.step()


def _checked(record: dict[str, Any], field: str, where: str, kind: str) -> str | float:
    if field not in record:
        raise InputError(
            f"{where}: no field '{field}' in a record of kind {kind}{did_you_mean(field, record)}"
        )
    value = record[field]
    if field == "score":
        return _number(value, where)
    if not isinstance(value, str) or not value.strip():
        raise InputError(f"{where}: field '{field}' is not a text: {value!r}")
    return value


def _number(value: object, where: str) -> float:
    try:
        number = math.nan if isinstance(value, bool) else float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        raise InputError(f"{where}: field 'score' is not a number: {value!r}")
    return number
