"""MTEB's tasks with their data on disk: what a task needs to be evaluated without a network."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from starbench.errors import InputError, did_you_mean
from starbench.machine.files import write_json, written_whole
from starbench.machine.startup import importing
from starbench.store.artifacts import opened
from starbench.store.own_tasks import LOCAL, TYPES, own_task

if TYPE_CHECKING:
    from datasets import Dataset
    from mteb.abstasks.abstask import AbsTask

TASK = "task.json"
"""The file that says which task it is, and which files hold its data."""

PARTS = "task"
"""The folder of those files: ``task/<subset>/<split>/<part>``."""

ROLES = {None: "text", "query": "query", "document": "passage"}
"""{MTEB's type of prompt: the role of such texts}"""

ENCODE = {"batch_size": 1024, "show_progress_bar": False}
"""What MTEB's task code is told of encoding: batches of texts that are looked up."""

Data = dict[str, dict[str, Any]]
"""{subset: {split: rows, or the parts of a collection}}"""


@dataclass(frozen=True)
class TaskFacts:
    """Which task some data are of."""

    code: str
    """What is run on them: the name of a task of MTEB, or one of `own_tasks.TYPES`."""
    name: str
    """What results call it."""
    type: str
    """MTEB's type of task, which models may have prompts for."""
    main_score: str
    revision: str
    splits: tuple[str, ...]
    """Those that are scored."""
    subsets: tuple[str, ...]

    @classmethod
    def of(cls, task: AbsTask, code: str) -> TaskFacts:
        """Return the facts of a task of MTEB."""
        about = task.metadata
        named = (about.name, about.type, about.main_score, about.revision)
        return cls(code, *named, tuple(task.eval_splits), tuple(task.hf_subsets))

    def task(self) -> AbsTask:
        """Return the task without its data, with its random generators as at the start."""
        if self.code in TYPES:
            return own_task(self.code, self.name, self.splits[0])
        task = mteb_task(self.code, self.splits, self.subsets)
        return local(task) if self.revision == LOCAL else task


def mteb_task(
    name: str, splits: Sequence[str] | None = None, subsets: Sequence[str] | None = None
) -> AbsTask:
    """Return a task of MTEB's registry; InputError for a name, split or subset that it has not."""
    with importing():
        import mteb
        from mteb.get_tasks import _TASKS_REGISTRY as KNOWN

    if name not in KNOWN:
        raise InputError(f"MTEB has no task '{name}'{did_you_mean(name, KNOWN)}")
    for what, wanted, valid in (
        ("split", splits, KNOWN[name].metadata.eval_splits),
        ("subset", subsets, KNOWN[name].metadata.hf_subsets),
    ):
        for one in wanted or ():
            if one not in valid:
                hint = did_you_mean(one, valid)
                raise InputError(f"MTEB's task {name} has no {what} '{one}'{hint}")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that there is a newer version of the task
        task = mteb.get_task(name, eval_splits=splits, hf_subsets=subsets)
    if hasattr(task.metadata, "tasks"):
        parts = ", ".join(part.metadata.name for part in task.metadata.tasks)
        raise InputError(f"MTEB's task {name} is the mean of others: name these, {parts}")
    if task.metadata.modalities != ["text"]:
        given = ", ".join(task.metadata.modalities)
        raise InputError(
            f"MTEB's task {name} is on {given}: only tasks on text alone can be scored"
        )
    return task


def local(task: AbsTask) -> AbsTask:
    """Return the task with the revision of data that are not MTEB's."""
    dataset = {**task.metadata.dataset, "revision": LOCAL}
    task.metadata = task.metadata.model_copy(update={"dataset": dataset})
    return task


def write_task(folder: Path, task: AbsTask, code: str) -> list[str]:
    """Write a task's data and what it is; return the names of the files.

    Args:
        folder: where they go.
        task: with its data loaded.
        code: the name of MTEB's task whose code it is, or one of `own_tasks.TYPES`.
    """
    if hasattr(task, "convert_v1_dataset_format_to_v2"):
        task.convert_v1_dataset_format_to_v2(num_proc=None)
    facts, files = TaskFacts.of(task, code), []
    for subset, split, data in _parts(task, facts):
        place = f"{PARTS}/{subset}/{split}"
        if isinstance(data, dict):
            for part in ("corpus", "queries"):
                files.append(_write_rows(folder, f"{place}/{part}.arrow", data[part]))
            judged = {key: data.get(key) for key in ("relevant_docs", "top_ranked")}
            write_json(folder / place / "judgements.json", judged)
            files.append(f"{place}/judgements.json")
        else:
            files.append(_write_rows(folder, f"{place}/records.arrow", data))
    write_json(folder / TASK, {**asdict(facts), "files": files})
    return [*files, TASK]


def _parts(task: AbsTask, facts: TaskFacts) -> Iterator[tuple[str, str, Any]]:
    """Yield (subset, split, data) of all that an evaluation reads."""
    assert task.dataset is not None
    splits = [*facts.splits, *filter(None, [getattr(task, "train_split", None)])]
    for subset in facts.subsets:
        data: Mapping[str, Any] = task.dataset
        if subset in data or subset != "default":
            data = data[subset]
        for split in dict.fromkeys(splits):
            yield subset, split, data[split]


def _write_rows(folder: Path, name: str, rows: Dataset | list[dict[str, Any]]) -> str:
    from datasets import Dataset

    if isinstance(rows, list):
        rows = Dataset.from_list(rows)
    table = rows.with_format("arrow")[:].cast(rows.features.arrow_schema)
    with (
        written_whole(folder / name) as temporary,
        pa.ipc.new_stream(temporary, table.schema) as out,
    ):
        out.write_table(table)
    return name


class StoredTask:
    """A task that was fetched; InputError for one that is missing or damaged."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        opened(folder, "data", [TASK])
        told = json.loads((folder / TASK).read_text(encoding="utf-8"))
        self._files: list[str] = told.pop("files")
        lists = {key: tuple(told[key]) for key in ("splits", "subsets")}
        self.facts = TaskFacts(**told | lists)

    def data(self) -> Data:
        """Return its data, memory-mapped, in the form that MTEB's task code reads."""
        opened(self.folder, "data", self._files)
        return read_parts(self.folder, self._files)

    def task(self, data: Data) -> AbsTask:
        """Return MTEB's task on the data, as it is before any evaluation."""
        return with_data(self.facts.task(), data)


def read_parts(folder: Path, files: Sequence[str]) -> Data:
    """Return what `write_task` wrote into some files of a folder."""
    from datasets import Dataset

    found: Data = {}
    for path in (folder / name for name in files if name != TASK):
        *_, subset, split, part = path.parts
        splits = found.setdefault(subset, {})
        if part == "records.arrow":
            splits[split] = Dataset.from_file(str(path))
        elif path.suffix == ".json":
            splits.setdefault(split, {}).update(json.loads(path.read_text(encoding="utf-8")))
        else:
            splits.setdefault(split, {})[path.stem] = Dataset.from_file(str(path))
    return found


def with_data(task: AbsTask, data: Data) -> AbsTask:
    """Give a task its data: an evaluation may change the mappings, but not what is in them."""
    from datasets import DatasetDict

    task.dataset = {
        subset: {split: dict(part) for split, part in splits.items()}
        if any(isinstance(part, dict) for part in splits.values())
        else DatasetDict(splits)
        for subset, splits in data.items()
    }
    task.data_loaded = True
    return task


def asked(inputs: Any, prompt_type: Any) -> tuple[str, list[str]]:
    """Return the role and the texts of what MTEB's task code asks an encoder for."""
    role = ROLES[None if prompt_type is None else prompt_type.value]
    return role, [text for batch in inputs for text in batch["text"]]
