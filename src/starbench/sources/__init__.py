"""Where records come from, one file a source."""

from starbench.section import Registry
from starbench.sources.folder import FolderSource
from starbench.sources.hub import HubSource
from starbench.sources.ir_datasets import IrDatasetsSource
from starbench.sources.micro import MicroSource
from starbench.sources.source import Source

SOURCES: Registry[Source] = Registry(
    {
        "micro": MicroSource,
        "folder": FolderSource,
        "hub": HubSource,
        "ir_datasets": IrDatasetsSource,
    }
)
"""Every data source by the name that the config uses."""
