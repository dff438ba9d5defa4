"""Which tables and figures a run has, and what they depend on."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from starbench.config.escapes import in_snakemake, params_in_snakemake
from starbench.config.resolved import backbones_of
from starbench.machine.files import write_text
from starbench.run import versions
from starbench.run.bits import scored_bits
from starbench.run.models import searched_asymmetrically
from starbench.stages.report.groups import Group, groups_of
from starbench.stages.report.roles import asked
from starbench.stages.report.systems import built_on
from starbench.store.costs import COSTS
from starbench.tracks import TRACKS

if TYPE_CHECKING:
    from starbench.config.config import Config
    from starbench.run.paths import RunPaths


TABLE_FORMATS = ("csv", "md", "tex")

FIGURE_FORMATS = ("png", "pdf")

ADAPTIVE, ASYMMETRIC, BITS, CLAIMS, EXITS, PARETO, PUBLISHED = (
    "adaptive",
    "asymmetric",
    "bits",
    "claims",
    "adaptive_classification",
    "pareto",
    "published",
)
"""Tables that are not of one group of datasets."""

OVERVIEW = "overview"

SUMMARY_FORMATS = ("md", "html")

PRODUCTS = ".products"
"""Lists the tables and figures of the last report, below the folder of its run."""


def tables_of(config: Config) -> dict[str, list[Group]]:
    """Return the tables of a run: {name: the groups whose columns it has}.

    Where a run has both tracks, `in_domain` is the paper's Table A1: both side by side.
    """
    groups = groups_of(config)
    tables = {group.name: [group] for group in groups}
    inside = [group for group in groups if group.declared.in_domain]
    return {**tables, "in_domain": inside} if len(inside) > 1 else tables


def table_names(config: Config, formats: Sequence[str] = TABLE_FORMATS) -> list[str]:
    """Return the names of the files below ``tables/``, of some formats or all."""
    names = list(tables_of(config))
    names += [ADAPTIVE] if config.tries_adaptive else []
    names += [EXITS] if config.tries_exits else []
    names += [BITS] if any(scored_bits(config, track) for track in config.tracks) else []
    names += [ASYMMETRIC] if config.tries_asymmetric else []
    names += [PARETO] if config.measure is not None else []
    names += [CLAIMS] if has_claims(config) else []
    names += [PUBLISHED] if config.report.published == "numbers" else []
    return [f"{name}.{ending}" for name in names for ending in formats]


def has_claims(config: Config) -> bool:
    """Whether a run is held against the paper's claims: it has the systems of one at least."""
    return config.report.published != "none" and bool(asked(config))


def has_costs(config: Config, group: Group) -> bool:
    """Whether it is measured what the sizes cost that a group shows."""
    given = config.measure
    return given is not None and (given.tracks is None or group.track in given.tracks)


def has_grid(config: Config, group: Group) -> bool:
    """Whether a group is scored at more than the trained sizes, so that there is a grid to draw."""
    return config.tracks[group.track].grid == "full"


def figure_labels(config: Config) -> dict[str, dict[str, str]]:
    """Return every figure by its name without ending, with its labels in the HTML report."""
    found = {OVERVIEW: _labels("average by size", "all", "all")}
    several = len(config.shown_systems) > 1
    for group in groups_of(config):
        found[f"{group.name}_average_by_size"] = _labels("average by size", "all", group.title)
        if has_costs(config, group):
            found[f"{group.name}_pareto"] = _labels("quality and cost", "all", group.title)
        if not has_grid(config, group):
            continue
        found[f"{group.name}_heatmaps"] = _labels("layers x dims", "all", group.title)
        for system in config.shown_systems:
            name = config.display("systems", system)
            stem = f"{group.name}_heatmap_{system}"
            found[stem] = _labels("layers x dims", name, group.title)
        if several:
            name = config.display("systems", config.compared_system)
            stem = f"{group.name}_differences"
            found[stem] = _labels("differences", f"{name} − others", group.title)
        for system in searched_asymmetrically(config, group.track):
            if system in config.shown_systems:
                name = config.display("systems", system)
                stem = f"{group.name}_asymmetric_{system}"
                found[stem] = _labels("query x passage layers", name, group.title)
        if scored_bits(config, group.track):
            for system in config.shown_systems:
                name = config.display("systems", system)
                stem = f"{group.name}_bits_{system}"
                found[stem] = _labels("fewer bits", name, group.title)
        found[f"{group.name}_by_layer"] = _labels("dims by layer", "all", group.title)
    if config.tries_exits:
        found[EXITS] = _labels("adaptive classification", "all", "accuracy by cost")
    return found


def _labels(figure: str, system: str, of: str) -> dict[str, str]:
    return {"figure": figure, "system": in_snakemake(system), "of": of}


def figure_names(config: Config, formats: Sequence[str] = FIGURE_FORMATS) -> list[str]:
    """Return the names of the files below ``figures/``, of some formats or all."""
    return [f"{stem}.{ending}" for stem in figure_labels(config) for ending in formats]


def drawn_products(config: Config, absent: Collection[str] = ()) -> list[str]:
    """Return the names of all tables and figures of a run, below its folder.

    Those that are made of a file that is `absent`, as ``adaptive.csv``, are left out.
    """
    left_out = {name.removesuffix(".csv") for name in absent}
    if COSTS in absent:
        left_out.add(PARETO)
    names = [*(f"tables/{name}" for name in table_names(config))]
    names += [f"figures/{name}" for name in figure_names(config)]
    return [name for name in names if left_out.isdisjoint(_made_of(Path(name).stem))]


def _made_of(stem: str) -> set[str]:
    """Return the whole name of a product, and the part of a figure's name that tells its kind."""
    return {stem, *(kind for kind in (ASYMMETRIC, PARETO) if f"_{kind}" in stem)}


def replace_former(folder: Path, products: Sequence[str]) -> None:
    """Remove the tables and figures of the report before this one that this one does not make.

    A hidden list tells which those are: what others put there stays. The run's manifest cannot
    tell, for Snakemake removes it before the report is drawn anew.
    """
    listed = folder / PRODUCTS
    former = listed.read_text(encoding="utf-8").splitlines() if listed.is_file() else []
    for name in set(former) - set(products):
        path = folder / name
        if path.parent.parent == folder and path.parent.name in ("tables", "figures"):
            path.unlink(missing_ok=True)
    write_text(listed, "".join(f"{name}\n" for name in products))


def _report_keys(config: Config) -> dict[str, Any]:
    given = config.report.model_dump() | {"compared_system": config.compared_system}
    chosen = ("systems", "sizes")
    others = {f"{name}_test" for name in TRACKS if name not in config.tracks}
    # Reports of older runs depend on the tests of the paper's tracks, which every run was told of.
    others -= {f"{name}_test" for name, track in TRACKS.items() if track.published}
    return {
        key: v
        for key, v in given.items()
        if key not in others and (key not in chosen or v is not None)
    }


def products(config: Config, paths: RunPaths) -> list[Path]:
    """Return every product of a run: the summary, every table and every figure."""
    return [
        *(paths.root / f"summary.{ending}" for ending in SUMMARY_FORMATS),
        *(paths.root / "tables" / name for name in table_names(config)),
        *(paths.root / "figures" / name for name in figure_names(config)),
    ]


def report_reads(config: Config) -> dict[str, Any]:
    """Return what the report depends on besides its inputs: the parameter `reads` of its rule."""
    return {"version": versions.REPORT, **params_in_snakemake(report_slice(config))}


def report_slice(config: Config) -> dict[str, Any]:
    """Return the part of the config that tables and figures depend on, as JSON values."""
    return {
        "title": config.title,
        "sizes": [size.model_dump() for size in config.sizes],
        "groups": {
            group.name: {name: config.display("datasets", name) for name in group.datasets}
            | {"metrics": group.metrics, "grid": has_grid(config, group)}
            for group in groups_of(config)
        },
        "tables": table_names(config),
        "systems": {
            name: [
                config.display("systems", name),
                *backbones_of(config, name),
                system.objective,
                *built_on(config, name),
            ]
            for name, system in config.systems.items()
        },
        "report": _report_keys(config),
    }
