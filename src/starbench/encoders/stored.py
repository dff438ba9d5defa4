"""How weights are stored: as they are, or rounded to half precision."""

from __future__ import annotations

from pathlib import Path
from typing import Final, Literal

import torch
from safetensors.torch import load_file, save_file

from starbench.errors import InputError

Stored = Literal["float32", "float16"]
"""How weights are stored."""
FLOAT32: Final = "float32"


def store_as(weights: Stored, folder: Path) -> None:
    """Rewrite every safetensors file below a folder as its weights are to be stored.

    Configs are left alone, so that what is stored in float16 is still loaded in float32.

    Raises:
        InputError: a weight is too large for float16.
    """
    if weights == FLOAT32:
        return
    for file in sorted(folder.rglob("*.safetensors")):
        tensors = load_file(file)
        for name, tensor in tensors.items():
            if tensor.dtype == torch.float32:
                tensors[name] = tensor.half()
                if not bool(tensors[name].isfinite().all()):
                    raise InputError(f"{name} has a weight that float16 cannot hold: use float32")
        # The key that transformers looks for in what it loads.
        save_file(tensors, file, metadata={"format": "pt"})
