"""Registries: Starbench's own entries by the name that the config uses, and those of plugins."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property
from typing import Any, Literal, TypeVar, Union, get_args, get_origin

from starbench.errors import InputError
from starbench.plugins.found import Plugin, entries_of, loaded
from starbench.section import LONGEST_NAME, NAME_PATTERN, Section

T = TypeVar("T")

REGISTRIES: list[Registry[Any]] = []
"""Every registry that was made."""


def look_up_plugins() -> None:
    """Raise InputError for any plugin that cannot be used, whether a config names it or not."""
    for registry in REGISTRIES:
        registry.plugins  # noqa: B018


class Registry(Mapping[str, T]):
    """Entries by name. Plugins are looked up once, when a name is not one of Starbench's own.

    Args:
        kind: what the entries are; a package declares its own as entry points of the group
            ``starbench.<kind>``.
        own: Starbench's own entries.
        wrong: says what is wrong with what an entry point of this name holds; None if nothing.
        names: gives further functions that an entry names, as ``module:function``.
        pattern: what a name looks like.
    """

    def __init__(
        self,
        kind: str,
        own: Mapping[str, T],
        wrong: Callable[[Any, str], str | None],
        names: Callable[[T], Iterable[str | None]] = lambda entry: (),
        pattern: str = NAME_PATTERN,
    ) -> None:
        self.kind, self.own = kind, own
        self._wrong, self._names, self._pattern = wrong, names, pattern
        REGISTRIES.append(self)

    def __getitem__(self, name: str) -> T:
        return self.own[name] if name in self.own else self._of_plugins[name][1]

    def __iter__(self) -> Iterator[str]:
        yield from self.own
        yield from self._of_plugins

    def __len__(self) -> int:
        return len(self.own) + len(self._of_plugins)

    def plugin(self, name: str | None) -> Plugin | None:
        """Return the plugin that an entry is from; None for Starbench's own, and for no name."""
        if name is None or name in self.own or name not in self._of_plugins:
            return None
        return self._of_plugins[name][0]

    @property
    def plugins(self) -> list[Plugin]:
        """The plugins, in the order of their names; InputError if one of them cannot be used."""
        return [plugin for plugin, _ in self._of_plugins.values()]

    @property
    def union(self) -> Any:
        """The union of all entries, which are sections, for a discriminated field."""
        return Union[tuple(self.values())]  # noqa: UP007

    @property
    def literal(self) -> Any:
        """The literal type of all names."""
        return Literal[tuple(self)]

    @cached_property
    def _of_plugins(self) -> dict[str, tuple[Plugin, T]]:
        found: dict[str, tuple[Plugin, T]] = {}
        for plugin, entry in entries_of(self.kind):
            holder = found[plugin.name][0].package if plugin.name in found else None
            holder = "starbench" if plugin.name in self.own else holder
            if holder is not None:
                raise InputError(
                    f"{plugin}: the name is taken in starbench.{self.kind} by package '{holder}': "
                    "give it another one, or uninstall one of the packages"
                )
            value = loaded(plugin, entry)
            if reason := self._name_problem(plugin.name) or self._wrong(value, plugin.name):
                raise InputError(f"{plugin}: {plugin.place} {reason}")
            modules = tuple(f.partition(":")[0] for f in self._names(value) if f is not None)
            known = Plugin(
                plugin.kind, plugin.name, plugin.package, plugin.version, plugin.place, modules
            )
            found[plugin.name] = known, value
        return found

    def _name_problem(self, name: str) -> str | None:
        if len(name) <= LONGEST_NAME and re.fullmatch(self._pattern, name):
            return None
        return f"has a name that does not match {self._pattern}, or is longer than {LONGEST_NAME}"


def wrong_section(base: type[Section], key: str, *needs: str) -> Callable[[Any, str], str | None]:
    """Return what checks a class of an entry point.

    Args:
        base: the class that it must be derived from.
        key: the field that holds its name as a literal.
        needs: attributes that it must have beside.
    """

    def wrong(value: Any, name: str) -> str | None:
        if not (isinstance(value, type) and issubclass(value, base)):
            return f"is not a class derived from starbench.{base.__name__}"
        if missing := sorted(getattr(value, "__abstractmethods__", ())):
            return f"does not define {', '.join(missing)}"
        field = value.model_fields.get(key)
        literal = field.annotation if field is not None else None
        given = get_args(literal) if get_origin(literal) is Literal else ()
        if given != (name,):
            had = f"the name {given[0]!r}" if given else "no name"
            return f'has {had}: declare `{key}: Literal["{name}"]`, as its entry point says'
        lacking = [need for need in needs if not isinstance(getattr(value, need, None), str)]
        return f"has no `{lacking[0]}`: give it a text" if lacking else None

    return wrong


def wrong_instance(base: type, key: str | None = "name") -> Callable[[Any, str], str | None]:
    """Return what checks an object of an entry point.

    Args:
        base: the class that it must be an instance of.
        key: the attribute that holds its name; None for objects without a name.
    """

    def wrong(value: Any, name: str) -> str | None:
        if not isinstance(value, base):
            return f"is not an instance of starbench.{base.__name__}"
        given = getattr(value, key) if key else name
        return None if given == name else f"has the name {given!r}, its entry point '{name}'"

    return wrong
