"""The encoders that are timed: a model cut to each of its layers, in torch and in ONNX Runtime."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sentence_transformers import SentenceTransformer

from starbench.config.measure import Runtime
from starbench.encoders.loading import loading
from starbench.encoders.onnx_model import (
    INPUTS,
    onnx_session,
    refuse_without_packages,
    why_no_onnx,
    write_int8,
    write_onnx,
)
from starbench.encoders.portable import write_model
from starbench.encoders.small_model import cut, module_width, parameters_of
from starbench.errors import InputError
from starbench.sizes import Size

log = logging.getLogger(__name__)

Encode = Callable[[Sequence[str]], np.ndarray]
"""Texts to vectors (texts, dim), on the processor when it returns."""


@dataclass(frozen=True)
class CutModel:
    """A model cut to its first layers, at full width."""

    layers: int
    model: SentenceTransformer
    parameters: int
    longest: int | None
    """Tokens that it reads of a text by itself."""
    encoders: dict[Runtime, Encode] = field(default_factory=dict)
    file_bytes: dict[Runtime, int] = field(default_factory=dict)
    """Of its weights on disk, in each runtime's own format."""

    def read_at_most(self, tokens: int | None) -> None:
        """Cut texts at so many tokens, or where the model does by itself."""
        self.model.max_seq_length = tokens or self.longest


def loaded(folder: Path, device: torch.device) -> SentenceTransformer:
    """Return a fine-tuned model as it is served, in float32."""
    with loading(folder, "model"):
        return SentenceTransformer(
            str(folder),
            device=str(device),
            local_files_only=True,
            model_kwargs={"dtype": torch.float32},
        ).eval()


def why_not(model: SentenceTransformer, runtimes: Sequence[Runtime]) -> dict[Runtime, str]:
    """Return why a model cannot be run by some of the runtimes, as clauses.

    Raises InputError where the packages that ONNX needs are not installed.
    """
    asked = [runtime for runtime in runtimes if runtime != "torch"]
    if not asked:
        return {}
    refuse_without_packages("measuring", "leave onnx out of measure.runtimes")
    reason = why_no_onnx(model)
    return {} if reason is None else dict.fromkeys(asked, reason)


def cut_models(
    whole: SentenceTransformer, layers: Sequence[int], runtimes: Sequence[Runtime], threads: int
) -> Iterator[CutModel]:
    """Yield the model cut to each number of layers; the dims are cut from its vectors.

    Raises InputError for more layers than the model has.
    """
    width = module_width(whole)
    for depth in layers:
        small = cut(whole, Size(depth, width), trained=[])
        made = CutModel(depth, small, parameters_of(small), small.max_seq_length)
        with tempfile.TemporaryDirectory(prefix="starbench-measure-") as scratch:
            _add_torch(made, runtimes, Path(scratch) / "torch")
            if any(runtime != "torch" for runtime in runtimes):
                _add_onnx(made, runtimes, threads, Path(scratch) / "onnx")
        yield made


def _add_torch(made: CutModel, runtimes: Sequence[Runtime], folder: Path) -> None:
    folder.mkdir()
    write_model(made.model, folder)
    made.file_bytes["torch"] = sum(f.stat().st_size for f in folder.rglob("*.safetensors"))
    if "torch" in runtimes:
        made.encoders["torch"] = torch_encode(made.model)


def _add_onnx(made: CutModel, runtimes: Sequence[Runtime], threads: int, folder: Path) -> None:
    files: dict[Runtime, Path] = {
        "onnx": folder / "model.onnx",
        "onnx-int8": folder / "model_int8.onnx",
    }
    on_processor = made.model
    device = on_processor.device
    on_processor.to("cpu")
    write_onnx(on_processor, files["onnx"])
    on_processor.to(device)
    if "onnx-int8" in runtimes:
        write_int8(files["onnx"], files["onnx-int8"])
    for runtime, file in files.items():
        if runtime in runtimes:
            made.file_bytes[runtime] = file.stat().st_size
            made.encoders[runtime] = onnx_encode(onnx_session(file, threads), made.model)


def torch_encode(model: SentenceTransformer) -> Encode:
    """Return what encodes texts by torch: tokenizing, all modules, and the way back from a GPU."""

    @torch.inference_mode()
    def encode(texts: Sequence[str]) -> np.ndarray:
        features: dict[str, Any] = {
            name: value.to(model.device) if isinstance(value, torch.Tensor) else value
            for name, value in model.preprocess(list(texts)).items()
        }
        # A copy to the processor waits for all that a GPU still has to do.
        vectors: np.ndarray = model(features)["sentence_embedding"].float().cpu().numpy()
        return vectors

    return encode


def onnx_encode(session: Any, model: SentenceTransformer) -> Encode:
    """Return what encodes texts by ONNX Runtime, tokenized as `model` does it."""

    def encode(texts: Sequence[str]) -> np.ndarray:
        features = model.preprocess(list(texts))
        vectors: np.ndarray = session.run(None, {name: features[name].numpy() for name in INPUTS})[
            0
        ]
        return vectors

    return encode


def refuse_too_small(whole: SentenceTransformer, cells: Sequence[Size], name: str) -> None:
    """Raise InputError for a model with fewer layers or dimensions than a size of the run."""
    depth, width = int(whole[0].model.config.num_hidden_layers), module_width(whole)
    for cell in cells:
        if cell.layers > depth or cell.dim > width:
            raise InputError(
                f"size {cell}: model {name} has {depth} layers and {width} dimensions, no more"
            )
