"""The model card of an exported size: a README.md that says what it is and how to load it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import yaml

from starbench.config.config import Config
from starbench.config.escapes import in_markdown, one_line
from starbench.run.exports import Exported
from starbench.run.models import Model
from starbench.stages.export.family import Scores, checkpoint_of, training_data
from starbench.stages.export.scored import Beside
from starbench.tracks import TRACKS

LOADING = """```python
from sentence_transformers import SentenceTransformer

vectors = SentenceTransformer("path/of/this/folder").encode(["A text.", "Another text."])
```"""

NOT_STATED = "not stated by the checkpoint"


@dataclass(frozen=True)
class Format:
    """One ONNX file, and how near its vectors are to those of torch."""

    file: str
    megabytes: float
    cosines: np.ndarray
    """Of each text's vector with that of torch (texts,)."""
    scores: Sequence[Beside] = ()
    """Of 8 bits: scores beside those of float32."""

    def facts(self) -> dict[str, Any]:
        """Return what the manifest tells of it."""
        told = {
            "least_cosine": float(self.cosines.min()),
            "mean_cosine": float(self.cosines.mean()),
        }
        shown = [vars(beside) for beside in self.scores]
        return told | ({"scores": shown} if shown else {})


@dataclass(frozen=True)
class Facts:
    """What a card tells besides the config."""

    parameters: int
    max_length: int | None
    """Tokens of a text; None for all."""
    similarity: str
    prompts: dict[str, str]
    licence: str | None
    scores: Scores | None
    formats: Sequence[Format] = ()
    no_onnx: str | None = None
    """Why there is no ONNX, if the config asks for it."""
    rounded: float | None = None
    """Least cosine of a vector with that of unrounded weights, if they are stored in float16."""
    hashes: dict[str, str] = field(default_factory=dict)
    """{what: SHA-256 of its manifest}"""


def card(config: Config, one: Exported, facts: Facts) -> str:
    """Return the text of the card."""
    parts = [
        _front_matter(facts),
        *_heading(config, one, facts),
        LOADING,
        *_use(facts),
        *_family(config, one, facts.scores),
        *_formats(facts),
        *_origin(config, one.model, facts),
    ]
    return "\n\n".join(parts) + "\n"


def _front_matter(facts: Facts) -> str:
    values: dict[str, Any] = {
        "library_name": "sentence-transformers",
        "pipeline_tag": "sentence-similarity",
        "tags": ["sentence-transformers", "matryoshka", "starbench"],
    }
    if facts.licence is not None:
        values["license"] = one_line(facts.licence)
    return f"---\n{yaml.safe_dump(values, sort_keys=False, allow_unicode=True)}---"


def _heading(config: Config, one: Exported, facts: Facts) -> Iterator[str]:
    system = in_markdown(config.display("systems", one.model.system))
    size = one.size
    label = config.size_label(size) if size in config.trained_sizes else str(size)
    yield f"# {system}, size {in_markdown(label)}"
    millions = facts.parameters / 1e6
    yield (
        f"A text-embedding model for {TRACKS[one.model.track].title}: {size.layers} layers, "
        f"vectors of {size.dim} dimensions, {millions:.1f} million parameters. It is size {size} "
        f"of the system `{one.model.system}` ({one.model.objective.summary}) in the run "
        f"`{config.run}` of Starbench, seed {one.seed}."
    )
    if config.title:
        yield f"The run: {in_markdown(config.title)}."


def _use(facts: Facts) -> Iterator[str]:
    cut = "not cut" if facts.max_length is None else f"cut at {facts.max_length} tokens"
    yield (
        f"Texts are {cut}; vectors are compared by {facts.similarity}. The layers and dimensions "
        "that this size does not have are not in the files: nothing is to be set when it is loaded."
    )
    if facts.rounded is not None:
        yield (
            "Weights are stored as float16 and computed in float32. The least cosine of a vector "
            f"with that of the unrounded weights is {facts.rounded:.7f}, over texts of what the "
            "run scores; scores below are of the unrounded weights."
        )
    prompts = {name: text for name, text in facts.prompts.items() if text}
    if prompts:
        rows = [f"| {in_markdown(name)} | {in_markdown(text)} |" for name, text in prompts.items()]
        yield "\n".join(["| prompt | text |", "|---|---|", *rows])


def _family(config: Config, one: Exported, scores: Scores | None) -> Iterator[str]:
    yield "## Sizes"
    if scores is None:
        yield (
            "It was exported before its run was scored. Exported again after scoring, this card "
            "has the scores of all sizes."
        )
        return
    track = TRACKS[one.model.track]
    scored = config.tracks[one.model.track].scored
    heads = [
        f"{in_markdown(config.display('datasets', name))} ({track.metric(config.datasets[name])})"
        for name in scored
    ]
    lines = [_row(["size", "layers", "dims", *heads]), "|---" * (3 + len(heads)) + "|"]
    for size in config.trained_sizes:
        values = scores.get(str(size), {})
        shown = [f"{values[name]:.4f}" if name in values else "–" for name in scored]
        label = in_markdown(config.size_label(size))
        name = f"**{label}** (this one)" if size == one.size else label
        lines.append(_row([name, str(size.layers), str(size.dim), *shown]))
    yield f"Scores of the run at every trained size of the system, seed {one.seed}:"
    yield "\n".join(lines)


def _formats(facts: Facts) -> Iterator[str]:
    if facts.no_onnx is not None:
        yield "## ONNX"
        yield f"There is no ONNX file: {facts.no_onnx}."
    if not facts.formats:
        return
    yield "## ONNX"
    yield (
        "From `input_ids` and `attention_mask` to `sentence_embedding`: pooling and the cut to the "
        "size are in the graph. Cosines are those of each vector with that of PyTorch, over "
        f"{len(facts.formats[0].cosines)} texts of what the run scores."
    )
    lines = [_row(["file", "MB", "least cosine", "mean cosine"]), "|---|---|---|---|"]
    for made in facts.formats:
        cosines = (f"{value:.7f}" for value in (made.cosines.min(), made.cosines.mean()))
        lines.append(_row([f"`{made.file}`", f"{made.megabytes:.1f}", *cosines]))
    yield "\n".join(lines)
    beside = [row for made in facts.formats for row in made.scores]
    if beside:
        head = [_row(["dataset", "measure", "float32", "8 bits"]), "|---|---|---|---|"]
        rows = [
            _row([f"`{b.dataset}`", b.metric, f"{b.fp32:.4f}", f"{b.int8:.4f}"]) for b in beside
        ]
        yield "What 8 bits cost on the run's own data, both columns by the same code:"
        yield "\n".join([*head, *rows])


def _origin(config: Config, model: Model, facts: Facts) -> Iterator[str]:
    yield "## Where it comes from"
    lines = []
    for what, datasets in training_data(config, model):
        named = ", ".join(_dataset(config, name) for name in datasets)
        lines.append(f"- {what} on {named}")
    backbone = checkpoint_of(config, model)
    if backbone is None:
        lines.append("- backbone: made in this run, from random weights")
    else:
        checkpoint = config.backbones[backbone].checkpoint
        assert checkpoint is not None
        revision = f", revision {in_markdown(checkpoint.revision)}" if checkpoint.revision else ""
        lines.append(f"- backbone: {in_markdown(checkpoint.name)}{revision}")
        lines.append(f"- licence of the backbone: {in_markdown(facts.licence or NOT_STATED)}")
    lines += [f"- manifest of {what}: SHA-256 `{sha256}`" for what, sha256 in facts.hashes.items()]
    yield "\n".join(lines)


def _dataset(config: Config, name: str) -> str:
    told = config.datasets[name].model_dump(include={"source", "name"}, exclude_unset=True)
    licence = config.datasets[name].licence
    parts = [" ".join(str(value) for value in told.values() if value)]
    parts += [f"licence {licence}"] if licence is not None else []
    return f"`{name}` ({in_markdown(', '.join(parts))})"


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
