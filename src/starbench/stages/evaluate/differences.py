"""Whether systems, and sizes of one system, differ: p-values of every dataset of the run."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations

from starbench.config.config import Config
from starbench.machine.progress import Progress
from starbench.run.bits import scored_bits, stored_bits
from starbench.run.models import Model, models_of
from starbench.run.paths import RunPaths
from starbench.stages.evaluate.entries import Comparison, Entry, Pair
from starbench.stages.evaluate.significance import bonferroni, holm
from starbench.store.checksums import written_with_checksum
from starbench.store.scores import SIGNIFICANCE_COLUMNS
from starbench.tracks import TRACKS
from starbench.tracks.track import named


def compare_systems(config: Config, paths: RunPaths) -> None:
    """Write ``significance.csv``: every comparison of the run by every test.

    At each trained size every system is compared with the compared one; corrections are over
    these systems. Each system's sizes are compared with each other; corrections are over these
    pairs. Each system's fewer bits are compared with what is stored at the same size; corrections
    are over its sizes and representations. Values of several seeds are averaged: each query's
    before the tests of retrieval, the correlations before those of STS.
    """
    with (
        written_with_checksum(paths.significance) as temporary,
        temporary.open("w", encoding="utf-8", newline="") as out,
    ):
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(SIGNIFICANCE_COLUMNS)
        for track, section in config.tracks.items():
            models = _models(config, track)
            families = _families(config, track, models)
            with Progress(f"compare {track}", len(section.scored), "datasets") as progress:
                for dataset in section.scored:
                    writer.writerows(_rows(config, paths, track, dataset, models, families))
                    progress.step()


def _models(config: Config, track: str) -> dict[Entry, Model]:
    """Return which model gives a system's score at each trained size."""
    return {
        Entry(system, size, bits): model
        for bits in ("", *scored_bits(config, track))
        for model in models_of(config, track)
        for system, size in model.scored()
        if size in config.trained_sizes
    }


def _families(config: Config, track: str, entries: Mapping[Entry, Model]) -> list[list[Pair]]:
    """Return the comparisons, those that are corrected together in one list."""
    against = config.compared_system
    by_size = [
        [
            (Entry(system, size), Entry(against, size))
            for system in config.systems
            if system != against
        ]
        for size in config.trained_sizes
    ]
    by_system = [
        [
            (Entry(system, small), Entry(system, large))
            for small, large in combinations(config.trained_sizes, 2)
        ]
        for system in config.systems
    ]
    by_bits = [
        [
            (Entry(system, size, bits), Entry(system, size))
            for size in config.trained_sizes
            for bits in scored_bits(config, track)
        ]
        for system in config.systems
    ]
    known = [
        [pair for pair in family if pair[0] in entries and pair[1] in entries]
        for family in by_size + by_system + by_bits
    ]
    return [family for family in known if family]


def _rows(
    config: Config,
    paths: RunPaths,
    track: str,
    dataset: str,
    models: Mapping[Entry, Model],
    families: Sequence[Sequence[Pair]],
) -> Iterator[tuple[object, ...]]:
    pairs = [pair for family in families for pair in family]
    comparison = TRACKS[track].comparison
    if not pairs or comparison is None:
        return
    metric = TRACKS[track].metric(config.datasets[dataset])
    compare: Comparison = named(comparison)
    found, count = compare(config, paths, dataset, models, pairs)
    for test, outcomes in found.items():
        for family in families:
            p_values = [outcomes[pair].p for pair in family]
            corrected = zip(holm(p_values), bonferroni(p_values), strict=True)
            for (one, other), more in zip(family, corrected, strict=True):
                outcome = outcomes[one, other]
                entries = (*_named(one), *_named(other))
                tested = (outcome.difference, test, outcome.p, *more, count)
                bits = one.bits or stored_bits(config, track)
                yield (track, dataset, metric, *entries, *tested, bits)


def _named(entry: Entry) -> tuple[str, int, int]:
    return entry.system, entry.size.layers, entry.size.dim
