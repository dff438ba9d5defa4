"""The base of every config section, which refuses unknown keys, and registries of sections."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeVar, Union

from pydantic import BaseModel, ConfigDict, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from starbench.errors import did_you_mean

NAME_PATTERN = r"^[a-z0-9]+(-[a-z0-9]+)*$"
LONGEST_NAME = 80
"""Names stand in names of files, several in one, which have 255 bytes."""

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
