"""Source `hub`: a dataset of the Hugging Face Hub, or files that `datasets` reads."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, model_validator

from starbench.errors import InputError, did_you_mean
from starbench.sources.source import Records, Source


class HubSource(Source):
    """A dataset that `datasets.load_dataset` reads: a repository, or a local folder of files."""

    source: Literal["hub"] = Field(description="A dataset of the Hugging Face Hub.")
    name: str = Field(
        description="Repository, e.g. `sentence-transformers/all-nli`, or a local folder."
    )
    subset: str | None = Field(default=None, description="Configuration of the dataset.")
    revision: str | None = Field(
        default=None, description="Git commit of the repository; pin it, or results may change."
    )
    split: str = Field(default="train", description="Split of the dataset.")
    streaming: bool = Field(
        default=False,
        description="Read records as they arrive instead of downloading all (with `rows`).",
    )
    columns: dict[str, str] = Field(
        default_factory=dict,
        description="Our field name -> the dataset's column, where they differ.",
    )

    @model_validator(mode="after")
    def _no_collections(self) -> HubSource:
        if self.kind == "collection":
            raise ValueError("source hub gives records, no collections: use source ir_datasets")
        return self

    def records(self, data_root: Path | None) -> Records:
        """Yield (place, record) with columns renamed to this project's field names."""
        dataset = self._load()
        missing = set(self.columns.values()) - set(dataset.column_names or [])
        if dataset.column_names and missing:
            column = sorted(missing)[0]
            raise InputError(
                f"{self.name}: no column '{column}'{did_you_mean(column, dataset.column_names)}"
            )
        rename = {theirs: ours for ours, theirs in self.columns.items()}
        for number, record in enumerate(dataset):
            if self.rows is not None and number >= self.rows:
                return
            yield (
                f"{self.name}[{self.split}][{number}]",
                {rename.get(key, key): value for key, value in record.items()},
            )

    def files(self, data_root: Path | None) -> list[Path]:
        """Return the files of a local folder, without hidden ones; none of the hub."""
        folder = Path(self.name)
        if not folder.is_dir():
            if self.name.startswith((".", "/")):
                raise InputError(f"no folder {self.name}")
            return []
        found = (path for path in folder.rglob("*") if path.is_file())
        return sorted(p for p in found if not _is_hidden(p.relative_to(folder)))

    def _load(self) -> Any:
        from datasets import load_dataset

        try:
            return load_dataset(
                self.name,
                self.subset,
                split=self.split,
                revision=self.revision,
                streaming=self.streaming,
            )
        except (ConnectionError, OSError, ValueError) as error:
            offline = " (HF_HUB_OFFLINE is set)" if os.environ.get("HF_HUB_OFFLINE") else ""
            reason = str(error).strip().splitlines()[0] if str(error).strip() else repr(error)
            raise InputError(
                f"cannot load hub dataset '{self.name}', split '{self.split}'{offline}: {reason}"
            ) from error


def _is_hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)
