"""Stage data: fetch datasets and normalise them, one source a file."""

from starbench.data.folder_source import FolderSource
from starbench.data.hub_source import HubSource
from starbench.data.ir_datasets_source import IrDatasetsSource
from starbench.data.micro_source import MicroSource
from starbench.data.sources import Source
from starbench.registry import Registry

SOURCES: Registry[Source] = Registry(
    {
        "micro": MicroSource,
        "folder": FolderSource,
        "hub": HubSource,
        "ir_datasets": IrDatasetsSource,
    }
)
"""Every data source by the name that the config uses."""

RESULTS_VERSION = 2
"""Raised when the same config gives other records than before."""
