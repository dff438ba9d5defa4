"""The entry points of installed packages that are for Starbench, and what each one names."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.metadata import Distribution, EntryPoint, distributions
from typing import Any

from starbench.errors import InputError
from starbench.plugins.source import source_hash

OFF = "STARBENCH_WITHOUT_PLUGINS"
"""The environment variable that leaves all plugins out: the way past one that is broken."""
PREFIX = "starbench."
AGAIN = f"mend or uninstall the package, or set {OFF}=1 to leave out all plugins"


@dataclass(frozen=True)
class Plugin:
    """One entry of a package."""

    kind: str
    """Which registry it is for: `objectives`, `sources` ..."""
    name: str
    """What the config calls it."""
    package: str
    version: str
    place: str
    """Where it is: ``module:attribute``."""
    modules: tuple[str, ...] = ()
    """Modules that it names beside its own: of a track that of its scorer."""

    def __str__(self) -> str:
        return f"plugin '{self.name}' of package '{self.package}'"

    @cached_property
    def sha256(self) -> str:
        """The SHA-256 of its source: see `starbench.plugins.source.source_hash`."""
        return source_hash([self.place.partition(":")[0], *self.modules])

    def facts(self) -> dict[str, str]:
        """Return what a run's manifest says of it."""
        return {"package": self.package, "version": self.version, "sha256": self.sha256}


def recorded(*used: Plugin | None) -> dict[str, Any]:
    """Return the key `plugins` of what a job depends on; nothing at all without plugins.

    A package's version is not in it: with a new version of the same source nothing is made again.
    """
    found = {
        f"{plugin.kind}: {plugin.name}": {"package": plugin.package, "sha256": plugin.sha256}
        for plugin in used
        if plugin is not None
    }
    return {"plugins": found} if found else {}


def entries_of(kind: str) -> Iterator[tuple[Plugin, EntryPoint]]:
    """Yield the entries that packages declare for a registry, in the order of their names."""
    for package, entry in _declared().get(f"{PREFIX}{kind}", ()):
        version = package.version or "unknown"
        yield Plugin(kind, entry.name, package.name, version, entry.value), entry


def loaded(plugin: Plugin, entry: EntryPoint) -> Any:
    """Return what an entry names; InputError, which names plugin and package, if it cannot be."""
    try:
        return entry.load()
    except (Exception, SystemExit) as error:
        first = (str(error).strip().splitlines() or ["no reason given"])[0]
        raise InputError(
            f"{plugin}: {plugin.place} cannot be imported ({type(error).__name__}: {first}): "
            f"{AGAIN}"
        ) from error


@cache
def _declared() -> dict[str, list[tuple[Distribution, EntryPoint]]]:
    """Return {group: entries}, of each package what is first on Python's path."""
    found: dict[str, list[tuple[Distribution, EntryPoint]]] = {}
    if os.environ.get(OFF):
        return found
    seen = set()
    for package in distributions():
        # Most packages declare nothing here: to look for the word is faster than to parse.
        text = package.read_text("entry_points.txt")
        if not text or PREFIX not in text:
            continue
        name = str(package.name).lower().replace("_", "-")
        if name in seen:
            continue
        seen.add(name)
        for entry in package.entry_points:
            if entry.group.startswith(PREFIX):
                found.setdefault(entry.group, []).append((package, entry))
    for entries in found.values():
        entries.sort(key=lambda item: (item[1].name, item[0].name))
    return found
