"""A hash of the source of a plugin, so that a changed plugin makes its results anew."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path

from starbench.errors import InputError


def source_hash(modules: Sequence[str]) -> str:
    """Return the SHA-256 of some modules and of all that they import from their own package.

    The package is the one of the first module. Imports are read from the source, those within
    functions too; what is imported by a computed name, and other files, are not seen.

    Args:
        modules: names of modules; those of another package are left out.

    Raises:
        InputError: the first module has no Python source.
    """
    package = modules[0].partition(".")[0]
    found: dict[str, bytes] = {}
    waiting = [name for name in modules if name.partition(".")[0] == package]
    while waiting:
        name = waiting.pop()
        file = _file_of(name)
        if name in found or file is None:
            continue
        found[name] = file.read_bytes()
        parent = name.rpartition(".")[0]
        imported = _imported_by(found[name], name if file.stem == "__init__" else parent)
        waiting += [other for other in imported if other.partition(".")[0] == package]
        waiting += [parent] if parent else []
    if modules[0] not in found:
        raise InputError(
            f"module {modules[0]} of a plugin has no Python source, which tells whether it has "
            "changed"
        )
    digest = hashlib.sha256()
    for name in sorted(found):
        digest.update(f"{name} {hashlib.sha256(found[name]).hexdigest()}\n".encode())
    return digest.hexdigest()


def _file_of(module: str) -> Path | None:
    """Return the source file of a module without importing it; None if there is none."""
    top, *rest = module.split(".")
    spec = find_spec(top)
    if spec is None:
        return None
    if not rest and spec.origin is not None:
        origin = Path(spec.origin)
        return origin if origin.suffix == ".py" and origin.is_file() else None
    for folder in spec.submodule_search_locations or ():
        place = Path(folder, *rest)
        for file in (place / "__init__.py", place.parent / f"{place.name}.py"):
            if file.is_file():
                return file
    return None


def _imported_by(source: bytes, package: str) -> Iterator[str]:
    """Yield the names that a source in a package imports: of modules, and of what they hold."""
    try:
        tree = ast.parse(source)
    except SyntaxError:  # what is imported without error names no such module
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parts = package.split(".")
                above = parts[: len(parts) - node.level + 1]
                base = ".".join([*above, *([base] if base else [])])
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)
