"""Fetching through the hub on the loopback, in a process of its own with an empty cache."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from starbench.config.reading import parse_config
from starbench.run.paths import RunPaths
from starbench.store.manifest import read_manifest
from starbench.store.records import read_records
from tests.hub.server import HubServer, client_environment
from tests.unit.runs import tiny_value

# A collection of ir_datasets is made of three files; then the command runs, once for each dataset.
DRIVER = """
import json, sys
import ir_datasets
from starbench.cli import main
collections, commands = json.loads(sys.argv[1])
for name, files in collections.items():
    ir_datasets.registry.register(name, ir_datasets.create_dataset(**files))
for command in commands:
    if status := main(command):
        sys.exit(status)
"""


@dataclass
class Client:
    """A config in a file, its results, and the cache that all of its processes share."""

    server: HubServer
    folder: Path
    value: dict[str, Any]

    @classmethod
    def of(cls, server: HubServer, folder: Path, **changes: Any) -> Client:
        """Return a client with the config of the tiny run, changed."""
        client = cls(server, folder, tiny_value(**changes))
        client.config_file.write_text(yaml.safe_dump(client.value, sort_keys=False))
        return client

    @property
    def config_file(self) -> Path:
        return self.folder / "config.yaml"

    @property
    def paths(self) -> RunPaths:
        return RunPaths.of(parse_config(self.value), self.folder / "results")

    def data(
        self, *commands: list[str], collections: dict[str, Any] | None = None, **variables: str
    ) -> subprocess.CompletedProcess[str]:
        """Run `starbench data` with each of the lists of arguments, one after another."""
        common = ["--config", str(self.config_file), "--results", str(self.folder / "results")]
        whole = [["data", *common, *command] for command in commands]
        return subprocess.run(
            [sys.executable, "-c", DRIVER, json.dumps([collections or {}, whole])],
            env=client_environment(self.server, self.folder / "cache") | variables,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    def fetch(self, *names: str, **options: Any) -> subprocess.CompletedProcess[str]:
        """Fetch datasets of the config."""
        return self.data(*(["--dataset", name] for name in names), **options)

    def rows(self, name: str, file: str = "records.arrow") -> list[dict[str, Any]]:
        """Return the records of a fetched dataset."""
        return read_records(self.paths.dataset(name), file).to_list()

    def manifest(self, name: str) -> dict[str, Any]:
        """Return the manifest of a fetched dataset."""
        return read_manifest(self.paths.dataset(name), "data")
