"""What a run shows in a few sentences: what is best where, what differs, what it cost."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

import pandas as pd

from starbench.config.config import Config
from starbench.config.escapes import in_markdown
from starbench.sizes import Size
from starbench.stages.report.groups import Group, groups_of, system_name
from starbench.stages.report.numbers import shorten
from starbench.stages.report.results import Results
from starbench.stages.report.tables.marks import chosen_tests, significant
from starbench.stages.report.tables.table import make_table

MOST_NAMED = 3
"""How many datasets are named at a size; more are counted."""


def findings(results: Results) -> Iterator[str]:
    """Yield the paragraphs and lists of a run, as Markdown."""
    config = results.config
    for group in groups_of(config):
        if len(config.shown_systems) > 1:
            yield from _of_group(results, group)
        elif len(config.shown_sizes) > 1:
            yield from _kept(results, group)
    if results.manifest and results.manifest["stages"]:
        yield _cost(results)


def _of_group(results: Results, group: Group) -> Iterator[str]:
    best = best_by_size(results, group)
    words = f" Best: {_in_words(results.config, best)}." if best else ""
    compared = _compared(results, group)
    if compared:
        against = in_markdown(system_name(results.config, results.config.compared_system))
        level = f"p < {results.config.report.level:g}"
        words += f" {against} is, significantly ({level}):"
    if words:
        yield f"**{_capital(group.title)}.**{words}"
    if compared:
        yield "\n".join(compared)


def _kept(results: Results, group: Group) -> Iterator[str]:
    """Yield how much of its full size's average each size of the only system keeps."""
    table = make_table(results.scores, results.config, [group])
    means = {r.size: r.means[table.headline] for r in table.rows if isinstance(r.size, Size)}
    *smaller, full = (size for size in results.config.shown_sizes if size in means)
    name = in_markdown(system_name(results.config, results.config.shown_systems[0]))
    parts = [
        f"{means[size] / means[full]:.0%} at {_label(results.config, size)}"
        for size in reversed(smaller)
        if means[full] > 0
    ]
    if parts:
        label = _label(results.config, full)
        yield (
            f"**{_capital(group.title)}.** {name} has {shorten(means[full])} at {label}, and keeps "
            f"of it {_listed(parts)}."
        )


def best_by_size(results: Results, group: Group) -> dict[Size, list[str]]:
    """Return the systems whose average, as it is shown, is the highest at each size."""
    table = make_table(results.scores, results.config, [group])
    found: dict[Size, list[str]] = {}
    for row in table.rows:
        if isinstance(row.size, Size) and table.best(row, table.headline):
            found.setdefault(row.size, []).append(row.system)
    return found


def _in_words(config: Config, best: dict[Size, list[str]]) -> str:
    parts = []
    for systems, group in groupby(best, key=lambda size: tuple(best[size])):
        names = " and ".join(in_markdown(system_name(config, system)) for system in systems)
        sizes = list(group)
        if len(sizes) == len(config.shown_sizes) > 1:
            return f"{names}, at every size"
        parts.append(f"{names} at {_listed([_label(config, size) for size in sizes])}")
    return "; ".join(parts)


def _compared(results: Results, group: Group) -> list[str]:
    """Return a list's items: how often the compared system is better or worse, and where neither.

    A case is one size on one dataset.
    """
    if results.tests is None:
        return []
    config, against = results.config, results.config.compared_system
    mine = chosen_tests(results.tests, config)
    mine = mine[
        (mine["against"] == against)
        & (mine["system"] != against)
        & (mine["track"] == group.track)
        & mine["dataset"].isin(group.datasets)
    ]
    differing = set(significant(mine, config).index)
    items = []
    for system in config.shown_systems:
        rows = mine[mine["system"] == system]
        cells = map(Size, rows["layers"], rows["dim"])
        rows = rows[[cell in config.shown_sizes for cell in cells]]
        if rows.empty:
            continue
        told = rows.index.isin(differing)
        better, worse = (told & (sign * rows["difference"] > 0) for sign in (-1, 1))
        name, cases = in_markdown(system_name(config, system)), _counted(group, len(rows))
        if not told.any():
            items.append(f"- not different from {name} in any of {cases}")
            continue
        counts = f"better than {name} in {better.sum()} of {cases}, worse in {worse.sum()}"
        rest = f"; not different {_cases(config, group, rows[~told])}" if not told.all() else ""
        items.append(f"- {counts}{rest}")
    return items


def _counted(group: Group, cases: int) -> str:
    return f"{cases} {'sizes' if len(group.datasets) == 1 else 'pairs of size and dataset'}"


def _cases(config: Config, group: Group, rows: pd.DataFrame) -> str:
    """Return the sizes and datasets of some cases; sizes with the same datasets together."""
    sizes_on: dict[tuple[str, ...], list[str]] = {}
    for size in config.shown_sizes:
        here = rows[(rows["layers"] == size.layers) & (rows["dim"] == size.dim)]
        if len(here):
            sizes_on.setdefault(tuple(here["dataset"]), []).append(_label(config, size))
    parts = []
    for datasets, sizes in sizes_on.items():
        names = [in_markdown(config.display("datasets", name)) for name in datasets]
        on = _listed(names) if len(names) <= MOST_NAMED else f"{len(names)} datasets"
        parts.append(f"at {_listed(sizes)}" + (f" on {on}" if len(group.datasets) > 1 else ""))
    return ", ".join(parts)


def _cost(results: Results) -> str:
    assert results.manifest is not None
    stages = results.manifest["stages"]
    hours = sum(cost["wall_s"] for cost in stages.values()) / 3600
    memory = max(cost["peak_memory_mib"] for cost in stages.values()) / 1024
    longest = max(stages, key=lambda stage: float(stages[stage]["wall_s"]))
    share = stages[longest]["wall_s"] / 3600 / hours if hours else 0.0
    jobs = sum(cost["jobs"] for cost in stages.values())
    return (
        f"**Cost.** {jobs} jobs took {_hours(hours)} in all, {share:.0%} of it in stage "
        f"`{longest}`; the largest one used {memory:.1f} GiB of memory."
    )


def _hours(hours: float) -> str:
    if hours >= 1:
        return f"{hours:.1f} hours"
    minutes = max(1, round(60 * hours))
    return f"{minutes} minute{'s' * (minutes > 1)}"


def _label(config: Config, size: Size) -> str:
    return in_markdown(config.size_label(size))


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]
