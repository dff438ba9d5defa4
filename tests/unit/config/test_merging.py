"""Several config files: merged as Snakemake merges them, with file and line of mistakes."""

from copy import deepcopy
from pathlib import Path
from random import Random

import pytest
import yaml

from starbench.config.merging import as_numbers, changed, merged, read_merged
from starbench.config.reading import load_config, parse_config, parse_merged
from starbench.errors import InputError

ROOT = Path(__file__).parents[3]
DEMO = ROOT / "config" / "demo.yaml"


def random_value(rng: Random, depth: int):
    """Return a nested value of the kinds that YAML has, empty ones and null among them."""
    kind = rng.choice(["mapping"] * 3 + ["list", "scalar", "null"]) if depth else "mapping"
    if kind == "mapping" and depth < 4:
        return {rng.choice("abc"): random_value(rng, depth + 1) for _ in range(rng.randrange(4))}
    if kind == "list":
        return [rng.randrange(5) for _ in range(rng.randrange(3))]
    return None if kind == "null" else rng.randrange(100)


def test_merging_is_snakemakes_own():
    from snakemake.utils import update_config

    rng = Random(7)
    for _ in range(3000):
        files = [random_value(rng, 0) for _ in range(rng.randint(1, 3))]
        theirs: dict = {}
        ours: dict = {}
        for value in files:
            ours = merged(ours, deepcopy(value))
            update_config(theirs, deepcopy(value))
        assert ours == theirs, files


def test_merging_leaves_its_arguments_alone():
    under, over = {"a": {"b": [1], "c": 2}}, {"a": {"b": [3]}}
    assert merged(under, over) == {"a": {"b": [3], "c": 2}}
    assert (under, over) == ({"a": {"b": [1], "c": 2}}, {"a": {"b": [3]}})


def test_what_differs_is_named():
    before = {"a": {"b": 1, "c": 2}, "d": [1]}
    after = {"a": {"b": 1, "c": 3, "e": 4}, "d": [2]}
    assert list(changed(before, after)) == [("a", "c"), ("a", "e"), ("d",)]


@pytest.fixture
def over(tmp_path):
    """Write a file that is given after the demo's config, and return both."""

    def write(text: str) -> tuple[Path, Path]:
        path = tmp_path / "over.yaml"
        path.write_text(text)
        return DEMO, path

    return write


def test_a_later_file_changes_what_it_names_and_nothing_else(over):
    files = over("run: other\ntracks: {sts: {finetuning: {batch_size: 7}}}\n")
    plain, other = load_config(DEMO), load_config(*files)
    assert other.run == "other"
    assert other.tracks["sts"].finetuning.batch_size == 7
    expected = plain.model_dump()
    expected["run"] = "other"
    expected["tracks"]["sts"]["finetuning"]["batch_size"] = 7
    assert other.model_dump() == expected


def test_a_list_is_replaced(over):
    files = over("run: other\nseeds: [1, 2]\n")
    assert load_config(*files).seeds == [1, 2]


def test_a_name_without_a_value_leaves_out_that_of_a_file_before(over):
    systems = list(load_config(DEMO).systems)
    config = load_config(*over(f"run: other\nsystems: {{{systems[1]}: null}}\n"))
    assert list(config.systems) == [name for name in systems if name != systems[1]]


def test_a_name_whose_value_was_forgotten_is_an_error(over):
    _, path = files = over("run: other\nsystems:\n  new:\n")
    with pytest.raises(InputError) as caught:
        load_config(*files)
    assert str(caught.value).startswith(f"{path}:3: systems.new: ")


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("run: x\ntracks:\n  sts:\n    finetuning: {lossy: mnrl}\n", 4, "unknown key 'lossy'"),
        ("run: x\nseeds: [1, 1]\n", 2, "seed 1 is listed twice"),
        ("run: x\n\nsystems:\n  other: {backbone: berd, objective: srl}\n", 4, "no backbone"),
    ],
)
def test_a_mistake_in_a_later_file_is_named_there(over, text, line, message):
    _, path = files = over(text)
    with pytest.raises(InputError) as caught:
        load_config(*files)
    assert str(caught.value).startswith(f"{path}:{line}: ")
    assert message in str(caught.value)


def test_a_mistake_that_a_later_file_brings_about_is_named_where_the_key_stands(over):
    # The demo's pre-training names a dataset that the second file leaves out.
    files = over("run: x\ndatasets: {stories: null}\n")
    if "stories" not in load_config(DEMO).datasets:
        pytest.fail("the demo has no dataset of this name: name another in this test")
    with pytest.raises(InputError) as caught:
        load_config(*files)
    lines = DEMO.read_text().splitlines()
    number = int(str(caught.value).split(":")[1])
    assert str(caught.value).startswith(f"{DEMO}:")
    assert "stories" in lines[number - 1]


def test_a_replaced_list_has_no_lines_of_the_file_before(tmp_path):
    first, second = tmp_path / "a.yaml", tmp_path / "b.yaml"
    first.write_text("a:\n- 1\n- 2\n- 3\nb: {c: 1}\n")
    second.write_text("a: [4]\nb: {d: 2}\n")
    read = read_merged([first, second])
    assert read.value == {"a": [4], "b": {"c": 1, "d": 2}}
    assert read.places == {
        ("a",): f"{second}:1",
        ("a", 0): f"{second}:1",
        ("b",): f"{second}:2",
        ("b", "c"): f"{first}:5",
        ("b", "d"): f"{second}:2",
    }


def test_what_jobs_read_says_the_same_as_the_files(over):
    from snakemake.utils import update_config

    systems = list(load_config(DEMO).systems)
    files = over(f"run: other\nsystems: {{{systems[0]}: null}}\n")
    value: dict = {}
    for file in files:
        update_config(value, yaml.safe_load(file.read_text()))
    config, kept = parse_merged(value, files)
    assert config == load_config(*files) == parse_config(kept)
    assert systems[0] not in kept["systems"]


def test_a_mistake_on_the_command_line_is_named_as_such():
    value = yaml.safe_load(DEMO.read_text()) | {"seeds": [1, 1]}
    with pytest.raises(InputError, match=r"^--config: seeds\.1: seed 1 is listed twice"):
        parse_merged(value, [DEMO])


def test_numbers_within_mappings_of_the_command_line_are_numbers():
    """Snakemake's own parser of ``--config`` reads them as texts."""
    from snakemake.cli import parse_config

    given = parse_config(["tracks={sts: {a: 5, b: 0.00001, c: 1e-4, d: true, e: text, f: [1, x]}}"])
    assert given["tracks"]["sts"]["a"] == "5"
    before = {"tracks": {"sts": {"e": "1", "g": "2"}}, "title": "3"}
    found = as_numbers(before, merged(before, given))
    numbers = {"a": 5, "b": 1e-5, "c": 1e-4, "d": True, "e": "text", "f": [1, "x"]}
    assert found == {"tracks": {"sts": {**numbers, "g": "2"}}, "title": "3"}
    assert isinstance(found["tracks"]["sts"]["a"], int)


def test_a_key_that_only_the_command_line_has_is_not_blamed_on_the_file(tmp_path):
    file = tmp_path / "run.yaml"
    file.write_text("run: tiny\n")
    with pytest.raises(InputError) as caught:
        parse_merged({"run": "tiny", "seed": 7}, [file])
    (line,) = (line for line in caught.value.mistakes if "'seed'" in line)
    assert line.startswith("--config: ")
