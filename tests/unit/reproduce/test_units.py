"""The units of the project are about what is there, and a wrong unit is told in one line."""

import re
from pathlib import Path

import pandas as pd
import pytest
import yaml

from starbench.errors import InputError
from starbench.reproduce.numbers import files_of, numbers_of
from starbench.reproduce.units import CHECKOUT, UNITS, read_units, units_named

PROJECT = read_units()
REFERENCE = CHECKOUT / "results" / "reference"


@pytest.mark.parametrize("unit", PROJECT, ids=lambda unit: unit.name)
def test_a_unit_of_the_project_names_what_is_there(unit):
    for page in unit.pages:
        assert (CHECKOUT / page).is_file(), page
    for config in re.findall(r"--config(?:file)? (\S+)", unit.command):
        assert "=" in config or (CHECKOUT / config).is_file(), config
    assert "{folder}" in unit.command
    for check in unit.checks:
        if check.expected:
            rows = numbers_of(files_of([check.expected], CHECKOUT), check.keys, check.where)
            assert rows, "no row of what is expected is chosen"


def test_every_reference_run_has_a_unit_that_fits_half_an_hour():
    expected = {
        Path(check.expected).parent.name
        for unit in PROJECT
        for check in unit.checks
        if check.expected and unit.minutes < 30
    }
    runs = {path.parent.name for path in REFERENCE.glob("*/scores.csv")}
    assert runs <= expected


def test_every_page_that_shows_the_table_of_a_run_is_a_page_of_a_unit():
    claimed = {page for unit in PROJECT for page in unit.pages}
    for path in [CHECKOUT / "README.md", *REFERENCE.glob("*/README.md")]:
        if "<!-- table: " in path.read_text(encoding="utf-8"):
            assert str(path.relative_to(CHECKOUT)) in claimed


def test_a_reference_row_is_read_by_its_keys():
    (unit,) = units_named(PROJECT, ["demo"])
    check = unit.checks[0]
    found = numbers_of([REFERENCE / "demo" / "scores.csv"], check.keys, check.where)
    scores = pd.read_csv(REFERENCE / "demo" / "scores.csv")
    row = scores.query(
        "system == 'starbucks' and size == 'n2-d8' and dataset == 'roles' and "
        "metric == 'cosine_spearman'"
    ).squeeze()
    assert found["starbucks 42 2 8 roles cosine_spearman"] == row["value"]
    # Six sizes of five systems on three sets; on two collections, of which one has two measures.
    of_collections = sum(" RR@10" in what or " nDCG@10" in what for what in found)
    assert len(found) - of_collections == 6 * 5 * 3
    metrics = scores[scores["metric"].isin(["RR@10", "nDCG@10"])]
    assert of_collections == 31 * len(metrics[["dataset", "metric"]].drop_duplicates())


def listed(path, **changed):
    unit = {
        "name": "one",
        "claim": "A number",
        "pages": ["README.md"],
        "command": "true",
        "minutes": 1.0,
        "checks": [{"got": ["x.csv"], "values": {"a": 1.0}, "tolerance": 0.0, "wide": 0.1}],
    }
    path.write_text(yaml.safe_dump([unit | changed]))
    return path


CHECK = {"got": ["x.csv"], "values": {"a": 1.0}, "tolerance": 0.0, "wide": 0.1}


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"minuts": 1.0}, r"unit 'one'.*unknown key 'minuts' \(did you mean 'minutes'\?\)"),
        ({"minutes": 0.0}, "unit 'one': minutes: .*greater than 0"),
        ({"checks": [CHECK | {"wide": -1.0}]}, r"unit 'one': checks\.0\.wide: .*greater than"),
        ({"checks": [CHECK | {"tolerance": 1.0}]}, "checks.0: .*wide: is below tolerance"),
        ({"checks": [CHECK | {"values": {}}]}, "`got` with `expected` or `values`"),
        ({"checks": [CHECK | {"expected": "y.csv"}]}, "`expected` or `values`, not both"),
        ({"needs": ["gold"]}, r"unit 'one': needs\.0: Input should be 'data'"),
        ({"name": "No Name"}, "unit 'No Name': name: "),
    ],
)
def test_a_unit_that_cannot_be_right_is_told_in_one_line(tmp_path, changed, message):
    file = listed(tmp_path / "units.yaml", **changed)
    with pytest.raises(InputError, match=message) as problem:
        read_units(file)
    assert str(problem.value).startswith(f"{file}: ")
    assert "\n" not in str(problem.value)


@pytest.mark.parametrize("text", ["", "a: 1\n", "- [\n", "- 5\n"])
def test_a_file_without_units_is_refused(tmp_path, text):
    (tmp_path / "units.yaml").write_text(text)
    with pytest.raises(InputError, match=r"units\.yaml: "):
        read_units(tmp_path / "units.yaml")


def test_two_units_of_one_name_are_refused(tmp_path):
    file = listed(tmp_path / "units.yaml")
    file.write_text(file.read_text() * 2)
    with pytest.raises(InputError, match="two units 'one'"):
        read_units(file)


def test_an_unknown_name_is_told_with_the_nearest():
    with pytest.raises(InputError, match=r"no unit 'demos' \(did you mean 'demo'\?\)"):
        list(units_named(PROJECT, ["demos"]))


def test_beside_an_installed_wheel_there_are_none_and_the_message_says_why(tmp_path):
    with pytest.raises(InputError, match="a clone of Starbench's repository"):
        read_units(tmp_path / UNITS.name)


def test_two_numbers_of_one_name_are_refused(tmp_path):
    file = tmp_path / "scores.csv"
    file.write_text("size,bits,value\nn1-d4,float32,0.5\nn1-d4,int8,0.4\n")
    assert numbers_of([file], ["size", "bits"], {}) == {"n1-d4 float32": 0.5, "n1-d4 int8": 0.4}
    assert numbers_of([file], ["size"], {"bits": ["int8"]}) == {"n1-d4": 0.4}
    with pytest.raises(InputError, match=r"scores\.csv:3: a second number is called 'n1-d4'"):
        numbers_of([file], ["size"], {})
