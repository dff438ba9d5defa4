"""Fetching one dataset: read it from its source, check every record, keep it normalised."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from pathlib import Path

from starbench.config.config import Config
from starbench.errors import InputError
from starbench.machine.progress import Progress
from starbench.run import versions
from starbench.run.leakage import Texts, holds, keys_in
from starbench.run.paths import RunPaths
from starbench.run.texts import fetched_before
from starbench.sources import contents_slice
from starbench.sources.source import Source
from starbench.stages.data.checks import check_labels, checked
from starbench.stages.data.collections import fetch_collection
from starbench.stages.data.findings import Findings
from starbench.stages.data.titles import Titles
from starbench.stages.data.training_queries import checked_queries
from starbench.store.manifest import Stage
from starbench.store.records import (
    RECORDS,
    SCHEMAS,
    Record,
    labels_in,
    read_records,
    write_records,
)
from starbench.store.source_files import source_files

log = logging.getLogger(__name__)


def fetch_dataset(config: Config, paths: RunPaths, name: str) -> None:
    """Fetch the dataset `name` of the config into its folder.

    The manifest holds what was odd about the records (`findings`), how many passages have titles
    (`titles`), and the commits that revisions stood for (`commits`).

    Raises InputError for a record that is missing a field, holds no text or no number, and for
    a dataset without records; nothing is left behind then.
    """
    given: Source = config.datasets[name]
    folder = paths.dataset(name)
    other = paths.dataset(given.corpus) if given.corpus else None
    inputs = [paths.dataset(read) for read in fetched_before(config, name)]
    root = config.resolved_data_root()
    origin = source_files(folder, given.files(root))
    stage = Stage("data", versions.DATA, contents_slice(given), inputs, origin.checksums)
    source, commits = given.pinned()
    findings, titles = Findings(name, given.strict), Titles()
    parts: list[str] = []
    if source.kind == "collection":
        found = source.collection(root)
        counts = fetch_collection(name, found, folder, other, findings, titles)
    elif source.kind == "task":
        from starbench.stages.data.tasks import fetch_task  # MTEB takes seconds

        made = source.task_data(root)
        counts, parts = fetch_task(name, source.display or name, made, folder, findings)
    else:
        kept = Kept(source.kind, keys_in(config, paths, source.without))
        counts = {RECORDS: _fetch_records(name, source, root, folder, findings, titles, kept)}
        _check_examples(paths, name, source)
    facts: dict[str, object] = {"findings": dict(findings.counts), "commits": commits}
    if source.without:
        facts["left_out"] = kept.left_out
        shared = ", ".join(source.without)
        log.info("dataset %s: %d records left out that %s hold", name, kept.left_out, shared)
    if titles.passages:
        facts["titles"] = titles.facts()
    origin.write(folder)
    stage.finish(folder, [*counts, *parts], records=counts, **facts)
    findings.warn()
    log.info("dataset %s: %s", name, ", ".join(f"{n} {f.split('.')[0]}" for f, n in counts.items()))
    if titles.passages:
        log.info("dataset %s: %d of %d passages have a title", name, titles.titled, titles.passages)


def _check_examples(paths: RunPaths, name: str, source: Source) -> None:
    """Raise InputError, leaving no records, if a label is missing in the dataset's examples."""
    if source.examples is None:
        return
    path = paths.dataset(name) / RECORDS
    known = set(read_records(paths.dataset(source.examples))["label"])
    try:
        check_labels(name, labels_in(path), source.examples, known)
    except InputError:
        path.unlink()
        raise


class Kept:
    """The records of a kind that hold nothing of other datasets; counts the others."""

    def __init__(self, kind: str, keys: set[Texts]) -> None:
        self.kind, self.keys = kind, keys
        self.left_out = 0

    def of(self, records: Iterable[Record]) -> Iterator[Record]:
        """Yield those records."""
        for record in records:
            if self.keys and holds(self.kind, record, self.keys):
                self.left_out += 1
            else:
                yield record


def _fetch_records(
    name: str,
    source: Source,
    root: Path | None,
    folder: Path,
    findings: Findings,
    titles: Titles,
    kept: Kept,
) -> int:
    path = folder / RECORDS
    records = source.records(root)
    if source.kind == "training-queries":
        normalised = checked_queries(records, findings, titles)
    else:
        normalised = checked(source.kind, records, findings)
    with Progress(f"fetch {name}", source.rows, unit="records") as progress:
        count = write_records(path, SCHEMAS[source.kind], progress.counting(kept.of(normalised)))
    if count == 0:
        path.unlink()
        findings.warn()
        raise InputError(f"dataset '{name}' has no records")
    return count
