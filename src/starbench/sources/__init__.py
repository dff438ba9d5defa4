"""Where records come from, one file a source."""

from typing import Any

from starbench.plugins.found import recorded
from starbench.plugins.registry import Registry, wrong_section
from starbench.section import sections_in
from starbench.sources.source import Source

SOURCES: Registry[type[Source]] = Registry(
    "sources",
    sections_in(__name__, __path__, Source, "source"),
    wrong_section(Source, "source"),
)
"""Every data source by the name that the config uses."""


def contents_slice(source: Source) -> dict[str, Any]:
    """Return what the fetched records of a dataset depend on, as JSON values."""
    return source.contents_slice() | recorded(SOURCES.plugin(getattr(source, "source", None)))
