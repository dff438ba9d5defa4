"""Weights in PyTorch's own format (``pytorch_model.bin``), read once and kept as safetensors.

Such a file is a pickle, which may run any code when it is opened. It is read with PyTorch's
restricted reader, which knows tensors and plain containers only and refuses all else.
"""

from __future__ import annotations

import json
import pickle
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from starbench.errors import InputError
from starbench.machine.files import sha256_of

if TYPE_CHECKING:
    from torch import Tensor

WHOLE = "pytorch_model.bin"
INDEX = f"{WHOLE}.index.json"
"""Which of several files holds which tensor."""
PATTERNS = (WHOLE, "pytorch_model-*-of-*.bin", INDEX)
SAFE_INDEX = "model.safetensors.index.json"

_SHARD = re.compile(r"pytorch_model(-\d+-of-\d+)\.bin")
_REFUSED = re.compile(r"GLOBAL ([\w.]+)")


def has_pickled_weights(folder: Path) -> bool:
    """Whether a folder holds weights in PyTorch's format."""
    return (folder / WHOLE).is_file() or (folder / INDEX).is_file()


def convert_pickled(source: Path, target: Path) -> dict[str, str]:
    """Write the weights of `source` into `target` as safetensors: the same names and values.

    Tensors that share memory are written out each. Every file is read once.

    Returns:
        The SHA-256 of each file that was read, by its name.

    Raises:
        InputError: a file that is missing, broken, or holds anything but tensors.
    """
    if (source / WHOLE).is_file():
        _write(_tensors(source / WHOLE), target / "model.safetensors")
        return {WHOLE: sha256_of(source / WHOLE)}
    index, place_of = _read_index(source / INDEX)
    shards = {name: _safe_name(source / INDEX, name) for name in sorted({*place_of.values()})}
    for name, safe in shards.items():
        found = _tensors(source / name)
        if absent := sorted(k for k, shard in place_of.items() if shard == name and k not in found):
            raise InputError(f"{source / name} lacks '{absent[0]}', which {INDEX} says is there")
        _write(found, target / safe)
    safe_index = {
        "metadata": index.get("metadata", {}),
        "weight_map": {key: shards[name] for key, name in place_of.items()},
    }
    (target / SAFE_INDEX).write_text(json.dumps(safe_index, indent=2) + "\n", encoding="utf-8")
    return {name: sha256_of(source / name) for name in (INDEX, *shards)}


def _read_index(path: Path) -> tuple[dict[str, Any], dict[str, str]]:
    """Return an index, and which of its files holds which tensor."""
    try:
        index = json.loads(path.read_text(encoding="utf-8"))
        place_of = {str(key): str(shard) for key, shard in index["weight_map"].items()}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise InputError(f"{path} is not an index: it has no mapping 'weight_map'") from None
    return index, place_of


def _safe_name(index: Path, shard: str) -> str:
    # A name from a file of others': nothing outside the folder may be read or written.
    matched = _SHARD.fullmatch(shard)
    if matched is None:
        raise InputError(f"{index}: '{shard}' is not a name of a shard (pytorch_model-N-of-N.bin)")
    return f"model{matched[1]}.safetensors"


def _tensors(file: Path) -> Mapping[str, Tensor]:
    """Return the tensors of a file; InputError for anything else, before any of its code runs."""
    if not file.is_file():
        raise InputError(f"no file {file}")
    import torch  # Snakemake reads the names above at each start: PyTorch would take seconds.

    try:
        found: Any = torch.load(file, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        named = _REFUSED.search(str(error))
        what = f" ({named[1]})" if named else ""
        raise InputError(
            f"{file} holds something else than weights{what}: not loaded, for it might run code"
        ) from None
    except (RuntimeError, EOFError, ValueError, OSError) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise InputError(f"{file} cannot be read as weights: {reason}") from None
    if not isinstance(found, dict) or not found:
        raise InputError(f"{file} holds no tensors by name, but a {type(found).__name__}")
    for key, value in found.items():
        if not isinstance(key, str) or not isinstance(value, torch.Tensor):
            raise InputError(f"{file}: '{key}' is not a tensor, but a {type(value).__name__}")
    return found


def _write(tensors: Mapping[str, Tensor], file: Path) -> None:
    from safetensors.torch import save_file

    # safetensors takes no tensors that share memory, as tied weights do.
    copies = {key: tensor.detach().clone().contiguous() for key, tensor in tensors.items()}
    save_file(copies, file, metadata={"format": "pt"})
