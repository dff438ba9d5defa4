"""Lets ir_datasets find its own ids on this machine: Python imports this file at every start.

It needs this folder on PYTHONPATH and the collections in STARBENCH_REHEARSAL_COLLECTIONS. The ids,
the classes of records and their fields are the library's own; only what is read is local.
"""

import importlib.abc
import importlib.machinery
import json
import os
import sys
from pathlib import Path

VARIABLE = "STARBENCH_REHEARSAL_COLLECTIONS"


def replace_datasets(ir_datasets, folder):
    """Register the collections in a folder in place of those that the library downloads."""
    from ir_datasets.formats import BaseDocs, BaseQrels, BaseQueries

    for path in sorted(folder.rglob("qrels.jsonl")):
        name = path.parent.relative_to(folder).as_posix()
        official = ir_datasets.registry[name]
        parts = [
            _handler(kind, base, getattr(official, f"{kind}_cls")(), path.parent / f"{kind}.jsonl")
            for kind, base in (("docs", BaseDocs), ("queries", BaseQueries), ("qrels", BaseQrels))
        ]
        ir_datasets.registry._registered.pop(name)
        ir_datasets.registry.register(name, ir_datasets.Dataset(*parts))


def _handler(kind, base, record_class, path):
    """Return a part of a dataset that reads records of the official class from a file."""
    methods = {
        f"{kind}_iter": lambda self: _records(record_class, path),
        f"{kind}_cls": lambda self: record_class,
    }
    return type(f"Local{kind.title()}", (base,), methods)()


def _records(record_class, path):
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            record = json.loads(line)
            values = {name: record.get(name, _blank(name)) for name in record_class._fields}
            yield record_class(**values)


def _blank(field):
    return [] if field in ("authors", "cited_by", "references") else "0"


class _Finder(importlib.abc.MetaPathFinder):
    """Replaces the datasets as soon as a process imports ir_datasets."""

    def find_spec(self, name, path, target=None):
        if name != "ir_datasets":
            return None
        sys.meta_path.remove(self)
        spec = importlib.machinery.PathFinder.find_spec(name, path)
        if spec is not None:
            execute = spec.loader.exec_module

            def execute_and_replace(module):
                execute(module)
                replace_datasets(module, Path(os.environ[VARIABLE]))

            spec.loader.exec_module = execute_and_replace
        return spec


if VARIABLE in os.environ:
    sys.meta_path.insert(0, _Finder())
