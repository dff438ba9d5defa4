"""The base of every config section, which refuses unknown keys, and registries of sections."""

from __future__ import annotations

from typing import Any, Literal, TypeVar, Union

from pydantic import BaseModel, ConfigDict, model_validator
from pydantic_core import PydanticCustomError

from starbench.errors import did_you_mean

NAME_PATTERN = r"^[a-z0-9]+(-[a-z0-9]+)*$"


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
