"""Entries of another package: found, checked, documented, planned and recorded like built-ins."""

import json
import re
import shutil
from pathlib import Path

import pytest

from tests.plugins import page

READS = """
import json, sys
from pathlib import Path
from starbench.config.reading import load_config
from starbench.run.jobs import JobGraph
from starbench.run.paths import RunPaths
from starbench.run.reads import READS, reads
config = load_config(Path("run.yaml"))
paths = RunPaths.of(config)
found = {
    " ".join([job.rule, *job.wildcards.values()]): reads(config, paths, job)
    for job in JobGraph(config, paths).jobs if job.rule in READS
}
print(json.dumps(found))
"""
"""Prints what every job of the run depends on."""


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("page")
    page.write_installed(folder)
    return folder


def run(place: Path, *command: str) -> str:
    done = page.run(place, page.on_path(place / "lab"), *command)
    assert done.returncode == 0, done.stderr
    return done.stdout


def reads(place: Path) -> dict[str, dict]:
    return json.loads(run(place, "-c", READS))


def test_a_file_on_the_page_has_at_most_sixty_lines():
    lengths = {name: len(text.splitlines()) for name, text in page.files().items()}
    assert len(lengths) == 13
    assert max(lengths.values()) <= 60


def test_a_config_names_them_like_built_ins(place):
    assert run(place, "-m", "starbench", "config", "--config", "run.yaml") == (
        "run.yaml: run 'lab' is valid\n"
    )


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("share: 0.7", "share: 7", r"sts\.objectives\.0\.share: needs at most 1.*, got 7"),
        ("share: 0.7", "shore: 1", r"objectives\.0\.shore: unknown key 'shore' \(did you mean .*"),
        ("objective: mae", "objective: mea", r".*'mea' is not valid \(did you mean 'mae'\?\)"),
        ("name: answers.csv", "name: a, delimiter: ab", r".*answers\.delimiter: .*"),
        ("metric: All@10", "metric: All@11", r".*no measure of rankings 'All@11' .*'All@10'.*"),
        ("family: ernie", "family: ernia", r".*no family 'ernia' \(did you mean 'ernie'\?\)"),
        ("[kendall,", "[kendal,", r".*no measure of pairs 'kendal' \(did you mean 'kendall'\?\)"),
        ("duplicates_test: bootstrap", "duplicates_test: t", r".*duplicates_test: 't' is not .*"),
    ],
)
def test_a_mistake_in_their_keys_is_one_line(place, tmp_path, old, new, told):
    text = page.files()[page.CONFIG]
    assert text.count(old) == 1
    (tmp_path / "run.yaml").write_text(text.replace(old, new))
    command = ("-m", "starbench", "config", "--config", "run.yaml")
    done = page.run(tmp_path, page.on_path(place / "lab"), *command)
    assert done.returncode == 2
    assert re.fullmatch(rf"error: run\.yaml:\d+: .*{told}\n", done.stderr), done.stderr


def test_they_are_documented_where_they_are_installed_alone(place):
    run(place, "-m", "starbench", "config", "--write-docs", "docs")
    text = (place / "docs" / "README.md").read_text()
    for name in ("fading", "mae", "csv", "All@10", "kendall", "duplicates", "ernie"):
        assert f"| `{name}` |" in text
    assert "## datasets.<name> (source: csv, of package starbench-lab)" in text
    assert "Weight of a size, as a share of the next larger one's." in text
    assert "CsvSource" in (place / "docs" / "schema.json").read_text()
    here = (page.ROOT / "config" / "README.md").read_text()
    assert not re.search("Plugins|starbench-lab", here)


def test_a_run_of_them_is_planned(place):
    if not (place / "ernie").is_dir():
        run(place, "lab/tiny_ernie.py", "ernie")
    text = run(place, "-m", "starbench", "plan", "--config", "run.yaml", "--device", "h100")
    assert "1 datasets are of a plugin" in text
    assert re.search(r"finetune +9 ", text)


CHANGES = {
    "objective": {"finetune_model": ["fading", "ernie"]},
    "pretraining": {"pretrain_backbone": ["base"]},
    "source": {"fetch_dataset": ["answers"]},
    "measures": {
        "score_model": ["sts", "retrieval"],
        "score_bm25": ["retrieval"],
    },
    "track": {
        "score_model": ["duplicates"],
        "compare_systems": [""],
    },
    "duplicates": {
        "score_model": ["duplicates"],
        "compare_systems": [""],
    },
    "encoder": {
        "fetch_checkpoint": ["ernie"],
        "finetune_model": ["ernie"],
        "embed_texts": ["ernie"],
        "embed_shard": ["ernie"],
        "measure_model": ["ernie"],
        "export_model": ["ernie"],
    },
}
"""What depends on each module of the package, by rule: a part of what its jobs are about."""


@pytest.mark.parametrize("module", sorted(CHANGES))
def test_a_changed_module_makes_again_what_depends_on_it_and_nothing_else(place, tmp_path, module):
    shutil.copytree(place, tmp_path / "copy", symlinks=True)
    before = reads(tmp_path / "copy")
    path = tmp_path / "copy" / "lab" / "starbench_lab" / f"{module}.py"
    path.write_text(path.read_text() + "# changed\n")
    after = reads(tmp_path / "copy")
    again = {job for job in before if before[job] != after[job]}
    expected = {
        job
        for job in before
        for rule, about in CHANGES[module].items()
        if job.startswith(rule) and any(part in job for part in about)
    }
    assert again == expected
    assert again


def test_another_version_of_the_same_source_makes_nothing_again(place, tmp_path):
    shutil.copytree(place, tmp_path / "copy", symlinks=True)
    before = reads(tmp_path / "copy")
    (told,) = (tmp_path / "copy" / "lab").glob("*.dist-info")
    metadata = told / "METADATA"
    metadata.write_text(metadata.read_text().replace("0.1.0", "0.2.0"))
    assert reads(tmp_path / "copy") == before


def test_an_installed_package_that_a_run_does_not_use_changes_nothing(place, tmp_path):
    shutil.copy(page.ROOT / "tests/workflow/tiny.yaml", tmp_path / "run.yaml")
    with_it = page.run(tmp_path, page.on_path(place / "lab"), "-c", READS).stdout
    without = page.run(tmp_path, page.on_path(), "-c", READS).stdout
    assert len(without) > 1000
    assert with_it == without


def test_a_script_without_a_config_imports_no_plugin(tmp_path):
    page.declare(tmp_path, "bad", {"starbench.objectives": {"mine": "nowhere:X"}})
    code = "from starbench import Objective, Source, StarbucksLoss; print('imported')"
    done = page.run(tmp_path, page.on_path(tmp_path), "-c", code)
    assert done.stdout == "imported\n", done.stderr
