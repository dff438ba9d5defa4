"""Where records come from, one file a source."""

from starbench.section import Registry, sections_in
from starbench.sources.source import Source

SOURCES: Registry[Source] = sections_in(__name__, __path__, Source, "source")
"""Every data source by the name that the config uses."""
