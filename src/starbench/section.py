"""The base of every config section, which refuses unknown keys, and the sections of a package."""

from __future__ import annotations

import re
from collections.abc import Iterable
from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType
from typing import Annotated, Any, get_args

from pydantic import BaseModel, ConfigDict, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from starbench.errors import did_you_mean

NAME_PATTERN = r"^[a-z0-9]+(-[a-z0-9]+)*$"
LONGEST_NAME = 80
"""Names are parts of file names, several in one, which have at most 255 bytes."""

Name = Annotated[str, StringConstraints(pattern=NAME_PATTERN, max_length=LONGEST_NAME)]
"""What paths, rules and commands call something."""

Display = Annotated[str, StringConstraints(pattern=r"\S")]
"""A name that people read: a text with something to see."""


class Section(BaseModel):
    """A part of the config: typed, frozen, and without room for keys nobody reads."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, validate_default=True, strict=True, allow_inf_nan=False
    )

    @model_validator(mode="before")
    @classmethod
    def _refuse_unknown_keys(cls, value: Any) -> Any:
        if isinstance(value, dict):
            for key in value:
                if key not in cls.model_fields:
                    raise PydanticCustomError(
                        "unknown_key",
                        "unknown key '{key}'{hint}",
                        {"key": str(key), "hint": did_you_mean(str(key), cls.model_fields)},
                    )
        return value


def modules_in(package: str, path: Iterable[str]) -> list[ModuleType]:
    """Return the modules of a package, in the order of their names: each may define an entry."""
    names = sorted(found.name for found in iter_modules(path) if not found.ispkg)
    return [import_module(f"{package}.{name}") for name in names]


def sections_in(package: str, path: Iterable[str], base: Any, key: str) -> dict[str, Any]:
    """Return the subclasses of `base` in a package, by the literal that is their field `key`."""
    found = {}
    for module in modules_in(package, path):
        for value in vars(module).values():
            own = isinstance(value, type) and value.__module__ == module.__name__
            if own and issubclass(value, base) and key in value.model_fields:
                (name,) = get_args(value.model_fields[key].annotation)
                found[name] = value
    return found


def slug(text: str, default: str) -> str:
    """Return a text as a `Name`: lower-case letters, digits and hyphens; `default` without any."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-") or default
