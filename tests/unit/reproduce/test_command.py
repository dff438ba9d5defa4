"""`starbench reproduce` on units that take no time: what it says, and its exit status."""

import re

import pytest
import yaml

from starbench.cli import main
from starbench.errors import InputError
from starbench.reproduce.choice import fitting, minutes_of, time_shown
from starbench.reproduce.command import reproduce_command
from starbench.reproduce.units import read_units
from tests.browser import needs_browser, opened


def unit(name, got=0.5, minutes=1.0, **changed):
    return {
        "name": name,
        "claim": f"The number of {name} & <co>",
        "pages": ["README.md"],
        "command": f"printf 'name,value\\nscore,{got}\\n' > {{folder}}/made.csv",
        "minutes": minutes,
        "checks": [
            {"got": ["made.csv"], "keys": ["name"], "values": {"score": 0.5},
             "tolerance": 0.001, "wide": 0.01},
        ],
    } | changed  # fmt: skip


@pytest.fixture
def reproduce(tmp_path, capsys):
    """Run the command on some units; return its status and what it prints."""

    def run(units, names=(), within=None):
        file = tmp_path / "units.yaml"
        file.write_text(yaml.safe_dump(units))
        status = reproduce_command(
            names, within=within, results=tmp_path / "results", units_file=file
        )
        return status, capsys.readouterr().out

    return run


def test_without_arguments_units_are_listed_with_their_costs_and_nothing_is_run(
    reproduce, tmp_path
):
    status, said = reproduce([unit("quick"), unit("long", minutes=200, device="gpu")])
    assert status == 0
    assert re.search(r"^quick  60 s of a processor \(measured\)$", said, re.MULTILINE)
    assert re.search(r"^long   3.33 h of a GPU \(measured\)", said, re.MULTILINE)
    assert not (tmp_path / "results").exists()


@pytest.mark.parametrize(
    ("got", "word", "status"), [(0.5, "OK", 0), (0.505, "OKish", 0), (0.6, "FAIL", 1)]
)
def test_a_number_is_told_with_what_was_expected(reproduce, got, word, status):
    found, said = reproduce([unit("one", got), unit("other")], ["one"])
    assert found == status
    difference = f"{got - 0.5:+.2g}"
    assert f"{word} score: expected 0.5, got {got} ({difference})" in said
    counts = {"OK": 0, "OKish": 0, "FAIL": 0} | {word: 1}
    assert f"1 run: {', '.join(f'{n} {w}' for w, n in counts.items())}; 0 skipped" in said


def test_a_changed_expected_value_is_caught(reproduce):
    one = unit("one")
    assert reproduce([one], ["one"])[0] == 0
    one["checks"][0]["values"]["score"] = 0.52
    status, said = reproduce([one], ["one"])
    assert status == 1
    assert "FAIL score: expected 0.52, got 0.5 (-0.02)" in said


def test_the_first_units_that_fit_a_time_are_run_the_cheapest_first_and_the_rest_is_skipped(
    reproduce,
):
    units = [unit("long", minutes=50), unit("b", minutes=20), unit("a", minutes=5),
             unit("c", minutes=6),
             unit("far", minutes=1.0, device="gpu", needs=["data"])]  # fmt: skip
    status, said = reproduce(units, within="30m")
    assert status == 0
    assert re.findall(r"^(\w+): The number", said, re.MULTILINE) == ["a", "b"]
    assert "2 run: 2 OK, 0 OKish, 0 FAIL; 3 skipped" in said
    assert "  skipped c: 6 min of a processor; does not fit 30 min" in said
    assert "  skipped long: 50 min of a processor; does not fit 30 min" in said
    assert "  skipped far: 60 s of a GPU; " in said


def test_nothing_run_is_a_failure(reproduce):
    status, said = reproduce([unit("long", minutes=50)], within="10m")
    assert status == 1
    assert "0 run: 0 OK, 0 OKish, 0 FAIL; 1 skipped" in said
    assert "nothing was run" in said


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"command": "echo started\necho no such luck >&2\nfalse"}, "status 1: no such luck"),
        ({"command": "false | true"}, "status 1: it said nothing"),
        ({"command": "true"}, "made.csv: there is no such file"),
        ({"command": "echo name > {folder}/made.csv; echo x >> {folder}/made.csv"}, "expected 0.5"),
        ({"command": "printf 'name,value\\nscore,no\\n' > {folder}/made.csv"}, "made.csv:2: "),
        ({"command": "printf 'name,value\\nother,1\\n' > {folder}/made.csv"}, "got none"),
    ],
)
def test_a_command_that_does_not_make_the_number_has_failed(reproduce, changed, problem):
    status, said = reproduce([unit("one", **changed)], ["one"])
    assert status == 1
    assert problem in said
    assert "1 FAIL" in said


def test_what_an_earlier_run_left_is_not_taken_for_made(reproduce):
    assert reproduce([unit("one")], ["one"])[0] == 0
    assert reproduce([unit("one", command="true")], ["one"])[0] == 1


def test_a_folder_that_is_not_of_an_earlier_run_is_left_alone(reproduce, tmp_path):
    own = tmp_path / "results/reproduce/one/mine.txt"
    own.parent.mkdir(parents=True)
    own.write_text("mine")
    with pytest.raises(InputError, match=r"reproduce/one: no log\.txt of an earlier run"):
        reproduce([unit("one")], ["one"])
    assert own.read_text() == "mine"


def test_a_file_that_is_missing_or_empty_has_failed(reproduce):
    one = unit("one", command="touch {folder}/empty; echo 1 > {folder}/full")
    one["checks"] = [{"files": ["full", "empty", "gone"], "tolerance": 0.0, "wide": 0.0}]
    status, said = reproduce([one], ["one"])
    assert status == 1
    assert "1 OK, 2 FAIL" in said
    assert "FAIL empty: missing" in said


def test_what_a_unit_needs_and_is_not_there_is_told(tmp_path, monkeypatch):
    file = tmp_path / "units.yaml"
    file.write_text(yaml.safe_dump([unit("one", needs=["data"])]))
    monkeypatch.setenv("STARBENCH_DATA", str(tmp_path / "gone"))
    assert fitting(read_units(file), 10) == {"one": "STARBENCH_DATA names no folder"}
    monkeypatch.setenv("STARBENCH_DATA", str(tmp_path))
    assert fitting(read_units(file), 10) == {}


@pytest.mark.parametrize(
    ("text", "minutes", "shown"),
    [("90s", 1.5, "1.5 min"), ("30m", 30, "30 min"), ("2h", 120, "2 h"), ("1.5 d", 2160, "36 h")],
)
def test_a_time_is_read_and_shown(text, minutes, shown):
    assert minutes_of(text) == pytest.approx(minutes)
    assert time_shown(minutes) == shown


@pytest.mark.parametrize("text", ["30", "0m", "-5m", "half an hour", "5 weeks"])
def test_what_is_no_time_is_refused(text):
    with pytest.raises(InputError, match="90s, 30m, 2h or 1d"):
        minutes_of(text)


def test_the_command_line_ends_with_one_line_for_a_mistake(capsys):
    assert main(["reproduce", "--within", "soon"]) == 2
    assert main(["reproduce", "golde"]) == 2
    errors = capsys.readouterr().err.strip().splitlines()
    assert len(errors) == 2
    assert "did you mean 'golden'?" in errors[1]


@needs_browser
def test_the_page_unfolds_every_number_to_its_command(reproduce, tmp_path):
    braces = "true '{a: {b}}'; printf 'name,value\\nscore,0.7\\n' > {folder}/made.csv"
    reproduce([unit("one", command=braces), unit("two", minutes=9)], ["one"])
    text = (tmp_path / "results/reproduce/report.html").read_text()
    folded = re.findall(r"<details><summary>([^<]+)</summary><code>([^<]+)</code>", text)
    assert [number for number, _ in folded] == ["0.7"]
    assert "'{a: {b}}'; printf" in folded[0][1].replace("&#x27;", "'")
    title, lines = opened(tmp_path / "results/reproduce/report.html", tmp_path / "profile")
    assert title == "What Starbench claims, made again"
    assert "one: FAIL" in lines
    assert any("The number of one & <co>" in line for line in lines)
    assert "was not asked for" in lines
