"""What is known of public checkpoints and datasets before they are fetched."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import yaml


@cache
def known() -> dict[str, Any]:
    """Return ``known.yaml``: sections encoders, datasets and kinds."""
    text = Path(__file__).with_name("known.yaml").read_text(encoding="utf-8")
    return dict(yaml.safe_load(text))
