"""The table of fewer bits a number: what a vector takes, and what is left of the score."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from starbench.config.bits import BITS, parts_of, vector_bytes
from starbench.config.config import Config
from starbench.config.escapes import in_markdown
from starbench.run.bits import scored_bits, stored_bits
from starbench.sizes import Size
from starbench.stages.report.groups import Group, groups_of, system_name
from starbench.stages.report.numbers import MISSING, shorten
from starbench.stages.report.results import Results
from starbench.stages.report.scores import at_size, averages
from starbench.stages.report.tables.formats import plain_table
from starbench.stages.report.tables.marks import significant

HEAD = ["Average", "System", "n/d", "Bits", "Bytes", "Value", "Kept", "Differs"]
"""Columns of the Markdown and LaTeX versions."""
KEYS = ["track", "system", "seed", "layers", "dim", "dataset", "metric"]


def bytes_per_vector(bits: str, dim: int) -> int:
    """Return the bytes of one stored vector; of what shortlists and what ranks again, both."""
    return sum(vector_bytes(dim, BITS[part]) for part in parts_of(bits))


def bits_groups(config: Config) -> list[Group]:
    """Return the groups that are scored with fewer bits."""
    return [group for group in groups_of(config) if scored_bits(config, group.track)]


def bits_tables(results: Results) -> dict[str, str]:
    """Return the table as {csv, md, tex}: the CSV for every score, the others their means.

    Means are over the datasets and the seeds, at the trained sizes. `Kept` is the share of the
    score with what is stored; `Differs`, on how many of the datasets the two differ significantly.
    """
    rows = [
        row
        for group in bits_groups(results.config)
        for system in results.config.shown_systems
        for size in results.config.shown_sizes
        for row in _rows(results, group, system, size)
    ]
    return plain_table(_frame(results), HEAD, rows, results.manifest_hash)


def _frame(results: Results) -> pd.DataFrame:
    """Return every score with fewer bits beside the one of what is stored."""
    coded = results.coded
    stored = results.scores[[*KEYS, "value"]].rename(columns={"value": "stored"})
    found = coded.merge(stored, on=KEYS, how="left")
    sizes = zip(found["bits"], found["dim"], strict=True)
    found["bytes"] = [bytes_per_vector(bits, dim) for bits, dim in sizes]
    return found[[*KEYS, "bits", "bytes", "value", "stored", "queries"]]


def _rows(results: Results, group: Group, system: str, size: Size) -> list[list[str]]:
    config = results.config
    stored = stored_bits(config, group.track)
    means = mean_by_bits(results, group, system, size)
    return [
        [
            group.shown(config),
            system_name(config, system),
            f"{size.layers}/{size.dim}",
            bits,
            str(bytes_per_vector(bits, size.dim)),
            shorten(value),
            kept_share(value, means[stored]) if bits != stored else "",
            _differing(results, group, system, size, bits) if bits != stored else "",
        ]
        for bits, value in means.items()
    ]


def mean_by_bits(results: Results, group: Group, system: str, size: Size) -> dict[str, float]:
    """Return {representation: the average over a group's datasets and the seeds}, stored first."""
    config = results.config
    tables = {stored_bits(config, group.track): results.scores}
    for bits in scored_bits(config, group.track):
        tables[bits] = results.coded[results.coded["bits"] == bits]
    return {
        bits: float(at_size(averages(table, group), system, size)["value"].mean())
        for bits, table in tables.items()
    }


def kept_share(value: float, of: float) -> str:
    """Return the share of a score that another one keeps, in per cent."""
    return f"{100 * value / of:.1f} %" if of > 0 and value == value else MISSING


def _differing(results: Results, group: Group, system: str, size: Size, bits: str) -> str:
    """Return on how many of a group's datasets a representation differs from what is stored."""
    if results.coded_tests is None:
        return MISSING
    tests = significant(results.coded_tests, results.config)
    here = (tests["track"] == group.track) & (tests["system"] == system) & (tests["bits"] == bits)
    here &= (tests["layers"] == size.layers) & (tests["dim"] == size.dim)
    found = set(tests[here]["dataset"]) & set(group.averaged)
    return f"{len(found)} of {len(group.averaged)}"


def bits_summary(results: Results) -> list[str]:
    """Return the paragraphs and tables of a summary: what the compared system keeps."""
    config, parts = results.config, []
    sizes = config.shown_sizes
    for group in bits_groups(config):
        found = [mean_by_bits(results, group, config.compared_system, size) for size in sizes]
        stored = stored_bits(config, group.track)
        shown = in_markdown(group.shown(config))
        name = in_markdown(system_name(config, config.compared_system))
        parts.append(
            f"**{shown[0].upper()}{shown[1:]}**: what {name} keeps of its score with {stored}."
        )
        parts.append(_kept_table(config, found, sizes, stored))
    return parts


def _kept_table(
    config: Config, found: Sequence[dict[str, float]], sizes: Sequence[Size], stored: str
) -> str:
    labels = [in_markdown(config.size_label(size)) for size in sizes]
    lines = ["| Bits | " + " | ".join(labels) + " |", "|---|" + "---:|" * len(labels)]
    for bits in found[0]:
        cells = [
            shorten(means[bits]) if bits == stored else kept_share(means[bits], means[stored])
            for means in found
        ]
        lines.append("| " + " | ".join([bits, *cells]) + " |")
    return "\n".join(lines)
