"""The file of the devices that ship with the package: what the command line's help names."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import yaml


@cache
def listed_devices() -> dict[str, Any]:
    """Return ``devices.yaml``: its `devices` by name, and their `hosts`."""
    path = Path(__file__).with_name("devices.yaml")
    values: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return values
