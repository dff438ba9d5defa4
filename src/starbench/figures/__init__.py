"""The figures of a report as Matplotlib figures, for notebooks and papers.

```python
from starbench.figures import Run

run = Run.of("config/demo.yaml")            # reads results/demo/scores.csv
figure = run.heatmaps("sts")
figure.axes[0].set_title("cut at layers and dimensions")
figure.savefig("heatmaps.pdf")
```

All of them need only ``scores.csv`` and the config of a run. `Run.published` and `published_grids`
have the paper's numbers and need no run (docs/figures-of-the-paper.md). A style of your own, in a
``matplotlibrc`` that Matplotlib finds, is laid over the look of the report.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd
from matplotlib.figure import Figure

from starbench.config.config import Config
from starbench.config.reading import load_config
from starbench.errors import InputError, did_you_mean
from starbench.run.paths import RunPaths
from starbench.stages.report.figures.by_layer import draw_by_layer
from starbench.stages.report.figures.by_size import draw_lines, draw_overview
from starbench.stages.report.figures.heatmaps import (
    balanced_scale,
    differences,
    draw_all,
    draw_heatmap,
    grids,
    shared_scale,
)
from starbench.stages.report.figures.style import DIFFERENCE_MAP
from starbench.stages.report.groups import Group, groups_of
from starbench.stages.report.scores import averages, read_scores

__all__ = ["Run", "published_grids"]


@dataclass(frozen=True)
class Run:
    """The scores of one run, and the figures of them.

    A group is a set of datasets that are shown together: ``sts``, ``retrieval`` or
    ``out_of_domain``, as in the names of the report's files; `groups` lists those of the run.
    """

    config: Config
    scores: pd.DataFrame
    """One row per score; the columns are system, seed, layers, dim, size, track, dataset, metric,
    value, queries and bits."""

    @classmethod
    def of(
        cls,
        *configs: str | Path,
        results: str | Path | None = None,
        systems: Sequence[str] | None = None,
        sizes: Sequence[str] | None = None,
    ) -> Run:
        """Read a run.

        Args:
            configs: its config file, or several as Snakemake takes them.
            results: folder of all runs; as `results` of the config if None.
            systems: systems to show, in this order; as `report.systems` of the config if None.
            sizes: trained sizes to show, by name or as ``layers/dim``.

        Raises InputError, naming file and line, for a config or scores that are wrong.
        """
        config = load_config(*map(Path, configs))
        chosen = {"systems": systems and list(systems), "sizes": sizes and list(sizes)}
        for name in systems or []:
            if name not in config.systems:
                hint = did_you_mean(name, config.systems)
                raise InputError(f"the config has no system '{name}'{hint}")
        trained = {config.size_label(size) for size in config.trained_sizes}
        trained |= {f"{size.layers}/{size.dim}" for size in config.trained_sizes}
        for wanted in sizes or []:
            if wanted not in trained:
                raise InputError(f"no trained size '{wanted}'{did_you_mean(wanted, trained)}")
        given = {key: value for key, value in chosen.items() if value is not None}
        config = config.model_copy(update={"report": config.report.model_copy(update=given)})
        path = RunPaths.of(config, Path(results) if results else None).all_scores
        return cls(config, read_scores(path, config))

    @classmethod
    def published(cls) -> Run:
        """Return the numbers of the paper's Tables A1 and A2 as a run, with seed 42."""
        from starbench.stages.report.published import published_results

        with TemporaryDirectory() as folder:
            results = published_results(RunPaths(Path(folder)))
        return cls(results.config, results.scores)

    @property
    def groups(self) -> list[str]:
        """The names of the groups of datasets."""
        return [group.name for group in groups_of(self.config)]

    def averages(self, group: str) -> pd.DataFrame:
        """Return the mean over a group's datasets: columns system, seed, layers, dim, value."""
        return averages(self.scores, self._group(group))

    def overview(self) -> Figure:
        """Return the average against size, one panel per group."""
        return draw_overview(self.scores, self.config, groups_of(self.config))

    def by_size(self, group: str) -> Figure:
        """Return the average of every system at each trained size."""
        return draw_lines(self.scores, self.config, self._group(group))

    def heatmap(self, group: str, system: str) -> Figure:
        """Return layers by dimensions of one system, on the scale of all systems."""
        of = self._group(group)
        found = grids(self.scores, self.config, of)
        for grid in found:
            if grid.name == system:
                return draw_heatmap(grid, shared_scale(found), of.label)
        hint = did_you_mean(system, [grid.name for grid in found])
        raise InputError(f"no system '{system}' is shown{hint}")

    def heatmaps(self, group: str) -> Figure:
        """Return layers by dimensions of every system, on one scale."""
        of = self._group(group)
        found = grids(self.scores, self.config, of)
        return draw_all(found, shared_scale(found), of.label)

    def differences(self, group: str, system: str | None = None) -> Figure:
        """Return one system minus each other one (None: the compared system of the config)."""
        of = self._group(group)
        found = grids(self.scores, self.config, of)
        minuend = system or self.config.compared_system
        names = [grid.name for grid in found]
        if minuend not in names or len(names) < 2:
            hint = did_you_mean(minuend, names)
            raise InputError(f"no system '{minuend}' is shown beside another one{hint}")
        parted = differences(found, minuend)
        label = f"difference of {of.label}"
        return draw_all(parted, balanced_scale(parted), label, DIFFERENCE_MAP)

    def by_layer(self, group: str) -> Figure:
        """Return the average against dimensions, one panel per number of layers."""
        of = self._group(group)
        return draw_by_layer(grids(self.scores, self.config, of), of.label)

    def _group(self, name: str) -> Group:
        found = {group.name: group for group in groups_of(self.config)}
        if name not in found:
            raise InputError(f"the run has no group '{name}'{did_you_mean(name, found)}")
        return found[name]


def published_grids() -> dict[str, Figure]:
    """Return the layers x dims grids of the reproduction study (arXiv 2411.17299), by name.

    Of each of its plots there are heatmaps (``..._heatmaps``) and lines (``..._by_layer``).
    """
    from starbench.stages.report.published import published_grid_figures

    return dict(published_grid_figures())
