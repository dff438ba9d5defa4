"""Table and figure of adaptive classification: means of the file, and fixed sizes of equal cost."""

import numpy as np
import pandas as pd
import pytest

from starbench.errors import InputError
from starbench.stages.report.figures.exits import draw_exits
from starbench.stages.report.tables.exits import at_equal_cost, exits_tables, read_exits
from starbench.store.scores import EXIT_COLUMNS
from tests.unit.stages.evaluate.labelled import SYSTEMS, labelled_config

UPTO = {"dims": ("n4-d4", "n4-d8", "n4-d16"), "sizes": ("n1-d4", "n2-d8", "n4-d16")}
ACCURACY = {
    "fixed": (0.2, 0.5, 0.6),
    "threshold": (0.2, 0.45, 0.62),
    "oracle": (0.2, 0.55, 0.7),
}
DIMS = {"fixed": (4, 8, 16), "threshold": (4, 6, 9), "oracle": (4, 5, 7)}


def rows():
    for seed in (1, 2):
        for chain, sizes in UPTO.items():
            for policy, values in ACCURACY.items():
                for size, value, dims in zip(sizes, values, DIMS[policy], strict=True):
                    yield (
                        "mrl", seed, "test", chain, policy, size, "", value + seed / 100, dims,
                        2 * dims, 4, 1e6 * dims, 60,
                    )  # fmt: skip


@pytest.fixture
def written(tmp_path, tiny_checkpoint):
    """Return (config, path of the file, what reads it)."""
    systems = {name: SYSTEMS[name] for name in ("floor", "mrl")}
    config = labelled_config(tiny_checkpoint, systems).model_copy(update={"seeds": [1, 2]})
    path = tmp_path / "adaptive_classification.csv"
    pd.DataFrame(list(rows()), columns=list(EXIT_COLUMNS)).to_csv(path, index=False)
    return config, path


def test_the_table_has_the_means_over_seeds_and_the_fixed_sizes_of_equal_cost(written):
    config, path = written
    lines = exits_tables(read_exits(path, config), config)["md"].replace("\\", "").splitlines()[2:8]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    assert [row[:3] for row in cells] == [
        ["mrl", "dims", "4/4"], ["mrl", "dims", "4/8"], ["mrl", "dims", "4/16"],
        ["mrl", "sizes", "1/4"], ["mrl", "sizes", "2/8"], ["mrl", "sizes", "4/16"],
    ]  # fmt: skip
    # Nine dims are an eighth of the way from 8 to 16, and halfway from 4 to 8 are 6.
    fixed = [0.215, (0.215 + 0.515) / 2, 0.515 + 0.1 / 8]
    for row, value, equal, oracle in zip(
        cells, ACCURACY["threshold"] * 2, fixed * 2, ACCURACY["oracle"] * 2, strict=True
    ):
        assert float(row[3]) == pytest.approx(value + 0.015, abs=1e-4)
        assert float(row[4]) == pytest.approx(equal, abs=1e-4)
        assert float(row[5]) == pytest.approx(value + 0.015 - equal, abs=1e-4)
        assert float(row[6]) == pytest.approx(oracle + 0.015, abs=1e-4)
    assert cells[2][7:] == ["9.0", "18.0", "4.0", "9.00"]


def test_fixed_sizes_of_equal_cost_are_the_best_of_all_mixtures_of_two():
    draw = np.random.default_rng(1)
    shares = np.linspace(0, 1, 4001)
    costs, values = np.sort(draw.uniform(1, 9, 5)), draw.uniform(size=5)
    for cost in draw.uniform(0, 10, 20):
        means, mixed = (
            np.multiply.outer(given, shares)[:, None] + np.multiply.outer(given, 1 - shares)[None]
            for given in (costs, values)
        )
        affordable = mixed[means <= cost]
        best = affordable.max() if len(affordable) else np.nan
        found = at_equal_cost(costs, values, cost)
        assert (np.isnan(found) and np.isnan(best)) or found == pytest.approx(best, abs=1e-3)


def test_the_figure_has_a_row_for_each_system_and_the_points_of_the_file(written):
    config, path = written
    figure = draw_exits(read_exits(path, config), config)
    dims, sizes = figure.axes
    assert [list(line.get_xdata()) for line in dims.lines] == [list(DIMS[p]) for p in ACCURACY]
    assert list(sizes.lines[1].get_ydata()) == pytest.approx([0.215, 0.465, 0.635])
    assert dims.get_xlabel() == "mean dimensions"
    nothing = read_exits(path, config).iloc[:0]
    assert "No model" in draw_exits(nothing, config).texts[0].get_text()


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("policy", "fixd", r":2: no policy 'fixd' \(did you mean 'fixed'"),
        ("upto", "n9-d4", r":2: no upto 'n9-d4'"),
        ("accuracy", "high", r":2: accuracy 'high' is not a number"),
    ],
)
def test_a_damaged_file_is_named_with_the_line(written, column, value, message):
    config, path = written
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    table.loc[0, column] = value
    table.to_csv(path, index=False)
    with pytest.raises(InputError, match=message):
        read_exits(path, config)
