"""The package's map: who may import whom, as docs/architecture.md says it."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "src" / "starbench"
ORDER = (
    "__main__",
    "cli doctor score advise arguments __init__",
    "reproduce",
    "figures",
    "planning",
    "stages",
    "published",
    "run",
    "training",
    "config",
    "tracks",
    "sources",
    "objectives",
    "store",
    "encoders",
    "machine",
    "measures plugins sizes section draws errors",
)
"""From the top down: a module imports from its own line or from lines below."""

LEVELS = {room: level for level, rooms in enumerate(ORDER) for room in rooms.split()}


def module_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(("starbench", *(part for part in parts if part != "__init__")))


MODULES = {module_of(path): path for path in sorted(PACKAGE.rglob("*.py"))}


def imported_by(name: str) -> set[str]:
    """Return every module of the package that a module imports, within functions too."""
    found = set()
    for node in ast.walk(ast.parse(MODULES[name].read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names if alias.name in MODULES}
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{name}:{node.lineno}: imports are absolute"
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                found |= {whole if whole in MODULES else node.module} & MODULES.keys()
    return found - {name}


IMPORTS = {name: imported_by(name) for name in MODULES}


def room_of(name: str) -> str:
    """Return the package below the root, or the module at the root, that a module is in."""
    return name.split(".")[1] if "." in name else "__init__"


def stage_of(name: str) -> str | None:
    parts = name.split(".")
    return parts[2] if parts[1:2] == ["stages"] and len(parts) > 2 else None


def ring_in(graph: dict[str, set[str]]) -> list[str]:
    """Return a path that leads back to where it started, or an empty list."""
    finished: set[str] = set()
    path: list[str] = []

    def visit(node: str) -> list[str]:
        if node in path:
            return [*path[path.index(node) :], node]
        if node in finished:
            return []
        path.append(node)
        for other in sorted(graph[node]):
            if found := visit(other):
                return found
        finished.add(path.pop())
        return []

    for node in sorted(graph):
        if found := visit(node):
            return found
    return []


def test_every_package_has_its_place_in_the_order():
    rooms = {room_of(name) for name in MODULES}
    assert rooms <= LEVELS.keys()


@pytest.mark.parametrize("name", sorted(MODULES))
def test_imports_run_downwards_only(name):
    level = LEVELS[room_of(name)]
    upwards = {other for other in IMPORTS[name] if LEVELS[room_of(other)] < level}
    assert not upwards


def test_no_modules_import_one_another_in_a_ring():
    assert ring_in(IMPORTS) == []


def test_no_packages_import_one_another_in_a_ring():
    rooms: dict[str, set[str]] = {room_of(name): set() for name in MODULES}
    for name, others in IMPORTS.items():
        rooms[room_of(name)] |= {room_of(other) for other in others} - {room_of(name)}
    assert ring_in(rooms) == []


def test_no_stage_imports_another_stage():
    across = {
        (name, other)
        for name, others in IMPORTS.items()
        for other in others
        if stage_of(name) and stage_of(other) not in (None, stage_of(name))
    }
    assert not across


def test_the_root_holds_few_modules_and_no_file_is_long():
    at_root = {path.stem for path in PACKAGE.glob("*.py")} - {"__init__"}
    assert at_root == {
        *("__main__", "advise", "arguments", "cli", "doctor", "score"),
        *("measures", "sizes", "section", "draws", "errors"),
    }
    lengths = {name: len(path.read_text().splitlines()) for name, path in MODULES.items()}
    assert {name: lines for name, lines in lengths.items() if lines > 400} == {}


def test_a_ring_is_found():
    assert ring_in({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["b", "c", "b"]
    assert ring_in({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == []


def test_unit_tests_mirror_the_package():
    """``tests/unit/a/test_b.py`` or ``test_b_more.py`` tests the module or package ``a.b``."""
    unit = PACKAGE.parents[1] / "tests" / "unit"
    strays = []
    for path in unit.rglob("test_*.py"):
        folder = PACKAGE / path.parent.relative_to(unit)
        words = path.stem.removeprefix("test_").split("_")
        names = ["_".join(words[: end + 1]) for end in range(len(words))]
        if not any((folder / name).is_dir() or (folder / f"{name}.py").is_file() for name in names):
            strays.append(str(path.relative_to(unit)))
    assert strays == []
