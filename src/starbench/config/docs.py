"""The config's JSON schema and the page that explains every key, both made from its types."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, get_args

from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from starbench.config.backbones import Architecture, Backbone, Checkpoint
from starbench.config.bits import Bits, FunnelStep
from starbench.config.compute import Compute, ComputeStages, EmbeddingCompute, TrainingCompute
from starbench.config.config import Config, NamedSize, Override, System
from starbench.config.export import Export
from starbench.config.measure import Measure
from starbench.config.report import Report
from starbench.config.search import Adaptive, Bm25Options, Search
from starbench.config.tracks import Embedding, TrackSection
from starbench.config.training import Finetuning, GuideOptions, Pretraining, TeacherOptions
from starbench.machine.files import write_text
from starbench.objectives import OBJECTIVES
from starbench.plugins.found import Plugin
from starbench.plugins.registry import REGISTRIES
from starbench.section import Section
from starbench.sources import SOURCES
from starbench.sources.hub_collection import CollectionPart

INTRODUCTION = """# Config

One YAML file describes one run; its results are in `results/<run>/`. This page is generated
from the types in `src/starbench/config/` (`make config-docs`); `schema.json` beside it is for
editors. Unknown keys are errors. A key that is left out has the value in the column *default*.

| file | what |
|---|---|
| `demo.yaml` | the default: everything generated and made from scratch, minutes on a laptop |
| `demo/*.yaml` | given after `demo.yaml`, what differs: pre-training objectives, tasks of MTEB |
| `families.yaml` | the demo's methods with DistilBERT and ModernBERT from scratch, three seeds |
| `scratch.yaml` | Starbucks and its controls from scratch on real text, both tracks, three seeds |
| `scratch/*.yaml` | given after `scratch.yaml`: selection data, ablations, stored backbones |
| `minilm.yaml` | all-MiniLM-L6-v2 on real English data, a few hours on two processor cores |
| `methods.yaml` | fine-tuning methods under one recipe, from all-MiniLM-L6-v2, three seeds |
| `banking77.yaml` | classification as in MRL: Banking77 by linear heads, three seeds |
| `banking77/*.yaml` | given after `banking77.yaml`: sizes of fewer layers too |
| `paper.yaml` | the paper: BERT base, FineWeb, AllNLI, MS MARCO, twelve sets of BEIR; a cluster |
| `paper/*.yaml` | ablations: what differs from `paper.yaml`, given after it; see each file's head |
| `released.yaml` | the authors' released models, scored beside the paper's tables; one GPU |
| `from-released-smae.yaml` | the paper's fine-tunings from the released backbone; one GPU |

`snakemake --configfile config/paper.yaml config/paper/no-kl.yaml` merges files in their order;
`starbench plan`, `config` and `doctor` take the same list. Mappings are merged; anything else, a
list too, replaces what the file before has. A name without a value (`systems: {bert: null}`)
leaves out that dataset, backbone, system or track. Give such a run a name of its own (`run`).
"""

PLAIN_STAGES = ("data", "evaluate", "measure", "report", "export")
"""Stages whose key of `compute` is a `Compute` and nothing more."""

LAYOUTS = """## Layouts of files

What `source: folder` reads, below `data_root`; each file may be compressed (`.gz`). Lines are JSON,
one record per line; other fields are passed over. `columns` renames fields, as in
`columns: {anchor: question, positive: answer}`.

```
text/wiki.jsonl                {"text": "..."}                                  kind: text
nli/train.jsonl                {"anchor": "...", "positive": "...", "negative": "..."}   triplets
faq/train.jsonl                {"anchor": "...", "positive": "..."}             anchor-positive
sts/STS12/test.jsonl           {"sentence1": "...", "sentence2": "...", "score": 3.5}    pairs
banking77/test.jsonl           {"text": "...", "label": "card_arrival"}         labelled
```

A collection, and training queries whose hard negatives BM25 mines, are folders in the layout of
BEIR:

```
scifact/corpus.jsonl           {"_id": "d1", "title": "...", "text": "..."}
scifact/queries.jsonl          {"_id": "q1", "text": "..."}
scifact/qrels/test.tsv         query-id   corpus-id   score   (tabs; the first line is a header)
scifact/qrels/train.tsv        the same, of the queries to train on
```

Training queries with hard negatives of their own are lines in the layout of Tevatron:

```
msmarco/train.jsonl            {"query_id": "1", "query": "...",
                                "positive_passages": [{"docid": "7", "title": "", "text": "..."}],
                                "negative_passages": [{"docid": "9", "title": "", "text": "..."}]}
```

As in:

```yaml
datasets:
  faq: {kind: anchor-positive, source: folder, name: faq, split: train}
  scifact: {kind: collection, source: folder, name: scifact}
  questions: {kind: training-queries, source: folder, name: scifact, split: train}
```
"""


def schema_text() -> str:
    """Return the JSON schema of a config file."""
    schema = Config.model_json_schema()
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    return json.dumps(schema, indent=2) + "\n"


def readme_text() -> str:
    """Return the Markdown page: one table of keys for each section."""
    parts = [INTRODUCTION]
    for title, section in _sections():
        summary = (section.__doc__ or "").strip().splitlines()[0]
        parts.append(f"## {title}\n\n{summary}\n\n{_table(section)}")
    return "\n".join([*parts, *_plugins(), LAYOUTS])


def write_docs(folder: Path) -> None:
    """Write ``schema.json`` and ``README.md`` into `folder`."""
    write_text(folder / "schema.json", schema_text())
    write_text(folder / "README.md", readme_text())


def _plugins() -> list[str]:
    """Return the section on the plugins that are installed; nothing if there are none."""
    found = [plugin for registry in REGISTRIES for plugin in registry.plugins]
    if not found:
        return []
    rows = [f"| `{p.name}` | {p.kind.replace('_', ' ')} | {p.package} {p.version} |" for p in found]
    table = "\n".join(["| name | to the | package |", "|---|---|---|", *rows])
    return [f"## Plugins\n\nWhat other installed packages add.\n\n{table}\n"]


def _of(plugin: Plugin | None) -> str:
    """Return what follows the name of a plugin's section in its title."""
    return f", of package {plugin.package}" if plugin else ""


def _sections() -> list[tuple[str, type[Section]]]:
    named: list[tuple[str, type[Section]]] = [
        ("The file", Config),
        ("sizes[]", NamedSize),
        *(
            (f"datasets.<name> (source: {name}{_of(SOURCES.plugin(name))})", source)
            for name, source in SOURCES.items()
        ),
        ("datasets.<name>.passages, queries, qrels (source: hub)", CollectionPart),
        ("backbones.<name>", Backbone),
        ("backbones.<name>.checkpoint", Checkpoint),
        ("backbones.<name>.architecture", Architecture),
        ("backbones.<name>.pretraining", Pretraining),
        ("systems.<name>", System),
        ("systems.<name>.overrides.<track>", Override),
        ("tracks.<track>", TrackSection),
        ("tracks.<track>.finetuning", Finetuning),
        ("tracks.<track>.finetuning.guide", GuideOptions),
        ("tracks.<track>.finetuning.teacher", TeacherOptions),
        ("tracks.<track>.embedding", Embedding),
        ("tracks.<track>.bits", Bits),
        ("tracks.<track>.bits.funnel[]", FunnelStep),
        ("tracks.<track>.search", Search),
        ("tracks.<track>.search.bm25", Bm25Options),
        ("tracks.<track>.search.adaptive", Adaptive),
    ]
    named += [
        (
            f"tracks.<track>.objectives[] (objective: {name}{_of(OBJECTIVES.plugin(name))})",
            objective,
        )
        for name, objective in OBJECTIVES.items()
    ]
    return [
        *named,
        ("compute", ComputeStages),
        (", ".join(f"compute.{stage}" for stage in PLAIN_STAGES), Compute),
        ("compute.pretrain, compute.finetune", TrainingCompute),
        ("compute.embed", EmbeddingCompute),
        ("report", Report),
        ("export", Export),
        ("measure", Measure),
    ]


def _table(section: type[Section]) -> str:
    rows = ["| key | type | default | meaning |", "|---|---|---|---|"]
    for key, field in section.model_fields.items():
        cells = [f"`{key}`", _type(field), _default(field), field.description or ""]
        rows.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(rows) + "\n"


def _type(field: FieldInfo) -> str:
    return _type_name(field.annotation)


def _type_name(kind: Any) -> str:
    if kind is type(None):
        return "null"
    arguments = get_args(kind)
    name = getattr(kind, "__name__", str(kind))
    if "Annotated" in str(type(kind)) or name == "Annotated":
        return _type_name(arguments[0])
    if name in ("list", "dict") and arguments:
        return f"{name} of {_type_name(arguments[-1])}"
    if arguments and all(isinstance(value, str) for value in arguments):
        return ", ".join(f"`{value}`" for value in arguments)
    if arguments:
        sections_only = all(isinstance(a, type) and issubclass(a, Section) for a in arguments)
        return "section" if sections_only else " or ".join(_type_name(a) for a in arguments)
    if isinstance(kind, type) and issubclass(kind, Section):
        return "section"
    return {"str": "text", "int": "integer", "float": "number", "bool": "true or false"}.get(
        name, "any"
    )


def _default(field: FieldInfo) -> str:
    if field.default_factory is not None:
        return "empty"
    if field.default is PydanticUndefined:
        return "**required**"
    if isinstance(field.default, Section):
        return "its defaults"
    if field.default is None:
        return "none"
    return f"`{json.dumps(field.default)}`"
