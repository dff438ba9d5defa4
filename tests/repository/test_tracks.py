"""A track is declared once: nothing else in the package or the workflow knows one by its name."""

import ast
import re
from pathlib import Path

import pytest

from starbench.tracks import TRACKS

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "starbench"
MODULES = [path for path in sorted(PACKAGE.rglob("*.py")) if path.parent.name != "tracks"]
RULES = [ROOT / "Snakefile", *sorted((ROOT / "workflow").rglob("Snakefile"))]
RULES += sorted((ROOT / "workflow").rglob("*.smk"))


def literals(text: str) -> list[str]:
    """Return the literals of a module that are a track's name, with their lines."""
    return [
        f"{node.lineno}: {node.value!r}"
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Constant) and node.value in TRACKS
    ]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_names_no_track(path):
    assert literals(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("path", RULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_rule_names_no_track(path):
    names = "|".join(map(re.escape, TRACKS))
    assert re.findall(rf"\b(?:{names})\b", path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("name", TRACKS)
@pytest.mark.parametrize(
    "text",
    [
        "if track == '{}': pass",
        "if track in ('{}',): pass",
        "match track:\n    case '{}': pass",
        "found = {{'{}': 1}}",
        "section = config.tracks['{}']",
    ],
)
def test_a_literal_would_be_found(name, text):
    assert len(literals(text.format(name))) == 1
