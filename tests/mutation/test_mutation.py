"""Faults are what they are called, and a run of tests is told from one that fails or hangs."""

import ast
import subprocess
from pathlib import Path

import pytest

from tests.mutation.__main__ import all_mutants, table
from tests.mutation.operators import mutants_of
from tests.mutation.running import Outcome, Runner
from tests.mutation.targets import TARGETS, Target

ROOT = Path(__file__).parents[2]


def changed(source: str) -> set[tuple[str, str]]:
    return {(mutant.kind, mutant.source) for mutant in mutants_of("m.py", source)}


@pytest.mark.parametrize(
    ("source", "faults"),
    [
        ("a < b", {("comparison", "(a <= b)")}),
        ("a in b", {("comparison", "(a not in b)")}),
        ("é + b", {("arithmetic", "(é - b)")}),
        ("a += b", {("arithmetic", "a -= b"), ("removed statement", "pass")}),
        ("a and b", {("boolean", "(a or b)")}),
        ("not a", {("boolean", "a")}),
        ("-a", {("arithmetic", "a")}),
        ("a = 0", {("constant", "a = 1"), ("constant", "a = (-1)")}),
        ("a = True", {("constant", "a = False")}),
        ("a[b:]", {("slice", "a[:]")}),
        ("a[:, b:c]", {("slice", "a[:, :c]"), ("slice", "a[:, b:]")}),
        ("a = min(b)", {("function", "a = (max(b))")}),
        ("a = f(b, c)", {("swapped arguments", "a = (f(c, b))")}),
        ("a = f(key=b)", {("keyword left out", "a = (f())")}),
        ("def f():\n    return a", {("returned value", "def f():\n    return None")}),
        ("if f:\n    a = b", {("condition", "if (not f):\n    a = b")}),
        ("for a in b:\n    break", {("removed statement", "for a in b:\n    pass")}),
        ("raise a", {("removed statement", "pass")}),
        ("a.b = c", {("removed statement", "pass")}),
        ("a: f[1] = b", set()),
        ("@f(1)\ndef g(a: 2 = b) -> 3:\n    '''Text'''", set()),
        ("assert a < 1\nc = zip(a, strict=True)\nd = f'{a + 1}'", set()),
        ("if TYPE_CHECKING:\n    a = 1", set()),
        ("a = Field(description=b)", set()),
    ],
)
def test_a_piece_of_source_has_these_faults(source, faults):
    assert changed(source) == faults


def test_every_fault_of_every_module_is_python_and_differs_from_the_module():
    found = all_mutants()
    sources = {target.modules: [] for target in TARGETS}
    for target, mutant in found:
        ast.parse(mutant.source)
        assert mutant.source != (ROOT / mutant.module).read_text()
        sources[target.modules].append((mutant.module, mutant.source))
    assert all(sources.values())
    assert len({(mutant.module, mutant.source) for _, mutant in found}) == len(found)


def test_all_tests_that_are_named_are_there():
    for target in TARGETS:
        for test in target.tests + target.slow:
            assert (ROOT / "tests" / test).exists(), test


PACKAGE = "def double(a):\n    b = a * 2\n    while b < a:\n        b += 4\n    return b\n"
PACKAGE += "def unused():\n    return 3\n"
TEST = """from m import double


def test_double():
    assert double(3) == 6
    assert double(-1) == 2
"""


def test_faults_that_are_noticed_that_hang_and_that_are_not_are_told_apart(tmp_path):
    repository = tmp_path / "repository"
    for name, text in {
        "src/m.py": PACKAGE,
        "tests/test_m.py": TEST,
        "pytest.ini": "[pytest]\n",
    }.items():
        (repository / name).parent.mkdir(parents=True, exist_ok=True)
        (repository / name).write_text(text)
    subprocess.run(["git", "init", "-q"], cwd=repository, check=True)
    wanted = {
        "b = (a / 2)": "killed",
        "pass": "timeout",
        "(b <= a)": "survived",
        "return 4": "unused",
    }
    mutants = [
        mutant
        for mutant in mutants_of("src/m.py", PACKAGE)
        if any(text in mutant.source for text in wanted)
    ]
    found = {}
    target = Target("m", ("m.py",), ("test_m.py",))
    runner = Runner(repository, tmp_path, [target], jobs=2, libraries=(), extra=1)
    runner.run(
        [(target, mutant) for mutant in mutants],
        lambda mutant, outcome: found.update({mutant.source: outcome}),
    )
    runner.close()
    assert len(found) == len(wanted)
    for text, status in wanted.items():
        (outcome,) = (outcome for source, outcome in found.items() if text in source)
        assert outcome.status == status
    assert (repository / "src/m.py").read_text() == PACKAGE


def test_the_table_counts_what_hangs_as_noticed():
    target, mutant = all_mutants()[0]
    outcomes = [
        (target, mutant, Outcome(status, 1.0))
        for status in ("killed", "timeout", "survived", "unused")
    ]
    assert table(outcomes).splitlines()[-1] == "| all | 4 | 1 | 1 | 1 | 1 | 50.0 % |"
