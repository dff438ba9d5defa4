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
SHARED = {"mteb"}
"""Also the name of a library, a source and a command: only what is about a track counts."""


def literals(text: str) -> list[str]:
    """Return the literals of a module that are a track's name, with their lines."""
    tree = ast.parse(text)
    above = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
    return [
        f"{node.lineno}: {node.value!r}"
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant)
        and node.value in TRACKS
        and (node.value not in SHARED or is_about_a_track(node, above))
    ]


def is_about_a_track(node: ast.AST, above: dict[ast.AST, ast.AST]) -> bool:
    """Whether a literal is compared with a track, or is a key of tracks."""
    while (node := above.get(node)) is not None and not isinstance(node, ast.stmt):
        if isinstance(node, ast.Compare | ast.Subscript) and "track" in ast.unparse(node):
            return True
    return isinstance(node, ast.Match) and "track" in ast.unparse(node.subject)


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
    if name in SHARED and "found" in text:
        pytest.skip("such a mapping may be of libraries")
    assert len(literals(text.format(name))) == 1
