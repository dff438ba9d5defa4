"""Writing the commits that revisions stand for into a config file, whose layout stays as it is."""

from __future__ import annotations

from pathlib import Path

import yaml

from starbench.config.config import Config
from starbench.config.yaml_text import Location
from starbench.errors import InputError
from starbench.machine.files import write_text
from starbench.run.fetched import commits_of
from starbench.run.paths import RunPaths
from starbench.sources import contents_slice
from starbench.sources.hub_repository import commit_of
from starbench.stages.data.checkpoints import on_disk

KEY = "revision"


def pin_config(config: Config, paths: RunPaths, file: Path) -> list[str]:
    """Write every commit into the config's file and return a line for each that is new there.

    Commits are those that were found when a dataset or checkpoint was fetched; where it is not
    fetched the hub is asked. Comments, order and layout of the file are kept.

    Raises InputError if the hub cannot be asked, or for a key that the file does not spell out.
    """
    text = file.read_text(encoding="utf-8")
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    edits: dict[tuple[int, int], str] = {}
    lines = []
    for location, commit in wanted_commits(config, paths).items():
        place, new, old = _edit(root, location, commit, text, str(file))
        if old == commit:
            continue
        if edits.setdefault(place, new) != new:
            raise InputError(
                f"{file}: {_dotted(location)}: another commit belongs in the same text (an anchor)"
            )
        lines.append(f"{_dotted(location)}: {old or 'no revision'} -> {commit}")
    for (start, end), new in sorted(edits.items(), reverse=True):
        text = text[:start] + new + text[end:]
    if edits:
        write_text(file, text)
    return lines


def wanted_commits(config: Config, paths: RunPaths) -> dict[Location, str]:
    """Return {place of a revision in the config: its commit} of all repositories of the hub."""
    found: dict[Location, str] = {}
    for name, source in config.datasets.items():
        commits = commits_of(contents_slice(source), paths.dataset(name))
        for key, commit in (source.pinned()[1] if commits is None else commits).items():
            found["datasets", name, *key.split(".")] = commit
    for name, backbone in config.backbones.items():
        checkpoint = backbone.checkpoint
        if checkpoint is None or on_disk(checkpoint) is not None:
            continue
        commits = commits_of(checkpoint.contents_slice(), paths.checkpoint(name))
        if commits is None:
            commits = {KEY: commit_of(checkpoint.name, checkpoint.revision, "model")}
        found["backbones", name, "checkpoint", KEY] = commits[KEY]
    return found


def _edit(
    root: yaml.Node | None, location: Location, commit: str, text: str, file: str
) -> tuple[tuple[int, int], str, str | None]:
    """Return (start, end) of what to replace in the text, by what, and the revision there."""
    node = root
    for key in location[:-1]:
        node = _value(node, key)
    revision, name = _value(node, KEY), _value(node, "name")
    written = commit if isinstance(yaml.safe_load(commit), str) else f'"{commit}"'
    if isinstance(revision, yaml.ScalarNode):
        at = (revision.start_mark.index, revision.end_mark.index)
        return at, written, revision.value
    if not isinstance(node, yaml.MappingNode) or name is None:
        raise InputError(
            f"{file}: {_dotted(location)}: cannot be pinned: there is no `name` beside it"
        )
    end = name.end_mark.index
    if node.flow_style:
        return (end, end), f", {KEY}: {written}", None
    line_end = text.find("\n", end)
    end = len(text) if line_end < 0 else line_end
    return (end, end), f"\n{' ' * node.start_mark.column}{KEY}: {written}", None


def _value(node: yaml.Node | None, key: str | int) -> yaml.Node | None:
    if not isinstance(node, yaml.MappingNode):
        return None
    return next((value for name, value in node.value if name.value == key), None)


def _dotted(location: Location) -> str:
    return ".".join(map(str, location))
