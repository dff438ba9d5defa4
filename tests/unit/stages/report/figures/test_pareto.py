"""The figure of score against cost: what is written on it can be read."""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest

from starbench.stages.report.figures.pareto import draw_pareto
from starbench.stages.report.groups import system_name
from starbench.stages.report.options import AXES, COLUMNS, front


@pytest.fixture
def crowded(written):
    """Forty sizes of one system, all on the front of each axis, and systems without any cost."""
    config, _ = written()
    count = 40
    steps = np.arange(count)
    cost = 1.08**steps
    found = pd.DataFrame(
        {
            "system": "tiny-srl",
            "layers": 1 + steps % 12,
            "dim": 8 * (1 + steps),
            "bits": 8,
            "stored": False,
            "quality": 0.4 + steps / 1000,
            **{axis.column: cost / axis.scale for axis in AXES},
        }
    ).reindex(columns=COLUMNS)
    for axis in AXES:
        found[axis.front] = front(found["quality"].to_numpy(), found[axis.column].to_numpy())
    without = found.assign(system="tiny-sep", **{axis.column: np.nan for axis in AXES})
    return config, pd.concat([found, without], ignore_index=True)


def test_no_name_of_a_size_is_over_another_and_the_ends_have_theirs(crowded):
    config, found = crowded
    figure = draw_pareto(found, config, "Spearman")
    figure.draw_without_rendering()
    assert len(figure.axes) == len(AXES)
    for panel in figure.axes:
        names = {text.get_text(): text.get_window_extent() for text in panel.texts}
        assert {"1/8 8b", "4/320 8b"} <= set(names)
        assert 2 < len(names) < 40
        assert not any(one.overlaps(other) for one, other in combinations(names.values(), 2))


def test_the_legend_names_the_systems_that_have_a_cost(crowded):
    config, found = crowded
    (legend,) = draw_pareto(found, config, "Spearman").legends
    assert [text.get_text() for text in legend.get_texts()] == [system_name(config, "tiny-srl")]


def test_ticks_of_wide_ranges_are_powers_of_ten(crowded):
    config, found = crowded
    wide = found.assign(index_bytes=found["index_bytes"] ** 3)
    figure = draw_pareto(wide, config, "Spearman")
    ticks = {}
    for panel, axis in zip(figure.axes, AXES, strict=True):
        low, high = panel.get_xlim()
        ticks[axis.short] = [tick for tick in panel.get_xticks() if low <= tick <= high]
    assert all(np.log10(tick) == pytest.approx(round(np.log10(tick))) for tick in ticks["index"])
    assert any(np.log10(tick) % 1 > 0.1 for tick in ticks["latency"])


def test_without_any_cost_the_figure_is_empty_and_drawn(crowded):
    config, found = crowded
    none = found.assign(**{axis.column: np.nan for axis in AXES})
    (panel,) = draw_pareto(none, config, "Spearman").axes
    assert not panel.texts
