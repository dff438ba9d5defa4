"""A registry of config sections by name, as the config's types need it."""

from __future__ import annotations

from typing import Any, Literal, TypeVar, Union

from starbench.section import Section

S = TypeVar("S", bound=Section)


class Registry(dict[str, type[S]]):
    """Sections by the name that the config uses, with the types for their fields."""

    @property
    def union(self) -> Any:
        """The union of all sections, for a discriminated field."""
        return Union[tuple(self.values())]  # noqa: UP007

    @property
    def names(self) -> Any:
        """The literal type of all names."""
        return Literal[tuple(self)]
