"""The workflow itself: configs and `--config` that are wrong stop it in one line, before any job.

What Snakemake cannot read at all (no file, no UTF-8, no mapping) it reports by itself, before it
opens the workflow; `make run` checks the config with `starbench config` first.
"""

from tests.trials.running import BASE, ROOT, Place, Row

SNAKEMAKE = (
    f"snakemake --snakefile {ROOT}/Snakefile --cores 1 --dry-run --quiet --configfile run.yaml"
)


def given(name: str, config: str, message: str, status: int = 1) -> Row:
    """What ``--config`` gives beside the base config; the message is a whole line."""
    return Row(
        f"--config: {name}", f"{SNAKEMAKE} --config {config}", message, status=status, told="any"
    )


def file(name: str, old: str, new: str, message: str) -> Row:
    return Row(
        f"file: {name}",
        SNAKEMAKE,
        message,
        lambda place: place.edit((old, new)),
        status=1,
        told="any",
    )


def also(text: str):
    def make(place: Place) -> None:
        place.write("run.yaml", BASE)
        place.write("more.yaml", text)

    return make


# fmt: off
GIVEN = [
    given("a seed that is negative", "'seeds=[-1]'", r".*--config: seeds(\.0)?: needs at least 0, got -1"),
    given("a seed twice", "'seeds=[1,1]'", r".*--config: seeds\.1: seed 1 is listed twice"),
    given("seeds that are a number", "seeds=42", r".*--config: seeds: needs a list, got the number 42"),
    given("an unknown key", "sede=42", r".*--config: sede: unknown key 'sede' \(did you mean 'seeds'\?\)"),
    given("a run with a slash", "run=a/b", r".*--config: run: 'a/b' is not a name: .*"),
    given("a reserved run", "run=reference", r".*--config: run: results/reference is for .*"),
    given("a number within a mapping, wrong", "'report={level: 5}'", r".*--config: report\.level: needs a number less than 1(\.0)?, got 5"),
    given("a text within a mapping", "'report={level: high}'", r".*--config: report\.level: needs a number, got the text 'high'"),
    given("a mapping for a text", "'title={a: b}'", r".*--config: title: needs a text, got a mapping of keys"),
    given("nothing", "title=", r".*--config: title: needs a text, got nothing \(null\).*|.*(title).*"),
    given("an infinite number", "'report={level: .inf}'", r".*--config: report\.level: .*"),
    given("a system that has no backbone", "'systems={other: {backbone: none, objective: srl}}'", r".*--config: systems\.other\.backbone: no backbone 'none'.*"),
    given("an unknown key deep below", "'tracks={sts: {finetuning: {step: 5}}}'", r".*--config: tracks\.sts\.finetuning\.step: unknown key 'step' \(did you mean 'steps'\?\)"),
    given("templates", "__use_yte__=true", r".*__use_yte__: a config is data, .*"),
]
FILES = [
    file("an unknown key", "title:", "titel:", r".*run\.yaml:2: titel: unknown key 'titel' \(did you mean 'title'\?\)"),
    file("a wrong number", "level: 0.05", "level: 7", r".*run\.yaml:\d+: report\.level: needs a number less than 1(\.0)?, got 7"),
    file("no such dataset", "dataset: entailments", "dataset: entailment", r".*run\.yaml:\d+: tracks\.sts\.finetuning\.dataset: no dataset 'entailment'.*"),
    file("a key given twice", "title:", "run: again\ntitle:", r".*run\.yaml:2: the key 'run' is given twice, first on line 1"),
    file("a date", "A run for trials", "2024-01-31", r".*run\.yaml:2: '2024-01-31' is a date in YAML, .*"),
    Row("file: a wrong value in the second", f"{SNAKEMAKE} more.yaml", r".*more\.yaml:2: report\.level: needs a number less than 1(\.0)?, got 3", also("report:\n  level: 3\n"), status=1, told="any"),
]
# fmt: on
