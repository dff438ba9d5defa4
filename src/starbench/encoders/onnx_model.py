"""A SentenceTransformer as one ONNX graph: token ids in, the vector of each text out."""

from __future__ import annotations

import importlib.util
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import torch
from sentence_transformers import SentenceTransformer
from torch import Tensor, nn

from starbench.encoders.portable import MOST_TOKENS, longest_text
from starbench.encoders.positions import positions_of
from starbench.errors import InputError

FAMILIES = (
    "bert",
    "deberta-v2",
    "distilbert",
    "electra",
    "modernbert",
    "mpnet",
    "roberta",
    "xlm-roberta",
)
"""The families of encoders whose graphs are tested: the `model_type` of a config."""

PACKAGES = ("onnx", "onnxruntime", "onnxscript")
INPUTS, OUTPUT = ("input_ids", "attention_mask"), "sentence_embedding"
MOST_TEXTS = 4096
"""Texts of the largest batch that the graph is made for."""


def refuse_without_packages(
    work: str = "exporting", instead: str = "set export.onnx to false"
) -> None:
    """Raise InputError where the packages that make and run ONNX are not installed.

    Args:
        work: what needs them, for the message.
        instead: what the user can do without them.
    """
    absent = [name for name in PACKAGES if importlib.util.find_spec(name) is None]
    if absent:
        raise InputError(
            f"{work} ONNX needs {', '.join(absent)}: pip install 'starbench[onnx]', or {instead}"
        )


def why_no_onnx(model: SentenceTransformer) -> str | None:
    """Return why a model cannot be one tested graph, as a clause; None if it can."""
    first = model[0]
    kind = first.model.config.model_type
    if kind not in FAMILIES:
        return f"encoders of type {kind} have no tested export"
    if first.module_output_name != "token_embeddings":
        return f"its transformer gives {first.module_output_name}"
    leaves_out = any(getattr(module, "include_prompt", True) is False for module in model)
    if leaves_out and any(model.prompts.values()):
        return "its pooling leaves the prompt out, whose length a graph does not know"
    return None


class TextVectors(nn.Module):
    """All modules of a SentenceTransformer as a function of two tensors."""

    def __init__(self, model: SentenceTransformer) -> None:
        super().__init__()
        first, *rest = model
        self.encoder, self.rest = first.model, nn.ModuleList(rest)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Return the vectors (texts, dim) of token ids and mask, both (texts, tokens), int64."""
        output = self.encoder(input_ids=input_ids, attention_mask=attention_mask, return_dict=True)
        features = {
            "input_ids": input_ids,
            "attention_mask": attention_mask,
            "token_embeddings": output.last_hidden_state,
        }
        for module in self.rest:
            features = module(features)
        return features[OUTPUT]


def write_onnx(model: SentenceTransformer, path: Path) -> None:
    """Write a model as one ONNX file in float32, for batches and texts of any length it takes.

    Inputs are `input_ids` and `attention_mask` (texts, tokens), int64; the output is
    `sentence_embedding` (texts, dim), after all modules.
    """
    words = model.preprocess(["one text", "another text that is longer than the first one"])
    limits = (positions_of(model[0].model), longest_text(model), MOST_TOKENS)
    longest = min(limit for limit in limits if limit is not None)
    texts = torch.export.Dim("texts", min=1, max=MOST_TEXTS)
    tokens = torch.export.Dim("tokens", min=2, max=longest)
    path.parent.mkdir(parents=True, exist_ok=True)
    with _quiet():
        torch.onnx.export(
            TextVectors(model).eval(),
            tuple(words[name] for name in INPUTS),
            str(path),
            dynamo=True,
            external_data=False,
            verbose=False,
            input_names=list(INPUTS),
            output_names=[OUTPUT],
            dynamic_shapes={name: {0: texts, 1: tokens} for name in INPUTS},
        )
    _remove_traces(path)


def _remove_traces(path: Path) -> None:
    """Remove from each node where in the source code it comes from: paths of this machine."""
    import onnx

    model = onnx.load(path)
    for part in (*model.graph.node, *model.graph.value_info, *model.graph.initializer):
        del part.metadata_props[:]
    onnx.save(model, path)


def write_int8(source: Path, path: Path) -> None:
    """Write an ONNX model with the weights of its matrix products in 8 bits, one scale a column."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    with _quiet():
        quantize_dynamic(str(source), str(path), weight_type=QuantType.QInt8, per_channel=True)


def onnx_session(path: Path, threads: int) -> Any:
    """Return an ONNX Runtime session of a file, on the processor with so many threads.

    All sessions of a process share the memory of their intermediate results: each would keep for
    itself what its largest batch has needed.
    """
    import onnxruntime

    _share_memory()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.add_session_config_entry("session.use_env_allocators", "1")
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


@cache
def _share_memory() -> None:
    """Make the memory that sessions share, once a process; every setting is the library's own."""
    import onnxruntime

    kind = onnxruntime.OrtAllocatorType.ORT_ARENA_ALLOCATOR
    place = onnxruntime.OrtMemoryInfo("Cpu", kind, 0, onnxruntime.OrtMemType.DEFAULT)
    onnxruntime.create_and_register_allocator(place, onnxruntime.OrtArenaCfg(0, -1, -1, -1))


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep what the libraries log and warn of their own steps out of the job's log."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(action="ignore"):
            yield
    finally:
        logging.disable(before)
