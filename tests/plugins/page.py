"""The files and commands of docs/add-a-method.md, and its package installed for Python alone."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "add-a-method.md").read_text(encoding="utf-8")
FILE = re.compile(r"^`([^`\n]+)`:\n\n```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
COMMANDS = ("pip", "python", "starbench", "snakemake")
CONFIG = "run.yaml"


def files() -> dict[str, str]:
    """Return the files of the page by their paths."""
    return {path: text for path, _, text in FILE.findall(PAGE)}


def commands() -> list[str]:
    """Return the commands of the page, in their order."""
    blocks = (text for kind, text in FENCED.findall(PAGE) if not kind)
    lines = (line for text in blocks for line in text.splitlines())
    return [line for line in lines if line.split(" ")[0] in COMMANDS]


def write_files(folder: Path) -> None:
    """Write every file of the page below a folder, and the checkout beside them as a link."""
    for name, text in files().items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    (folder / "starbench").symlink_to(ROOT)


def declare(folder: Path, name: str, groups: dict[str, dict[str, str]], version: str = "1") -> None:
    """Write what an installed package has beside its modules: its name and its entry points."""
    told = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    told.mkdir(parents=True)
    (told / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    lines = [
        line
        for group, entries in groups.items()
        for line in (f"[{group}]", *(f"{key} = {value}" for key, value in entries.items()))
    ]
    (told / "entry_points.txt").write_text("\n".join(lines) + "\n")


def write_installed(folder: Path) -> None:
    """Write the files of the page, the package as if it were installed: with `on_path` it is."""
    write_files(folder)
    project = tomllib.loads(files()["lab/pyproject.toml"])["project"]
    declare(folder / "lab", project["name"], project["entry-points"], project["version"])


def on_path(*folders: Path) -> dict[str, str]:
    """Return an environment in which packages below some folders are installed."""
    kept = {k: v for k, v in os.environ.items() if k != "STARBENCH_WITHOUT_PLUGINS"}
    found = [ROOT / "src", *folders]
    return kept | {"PYTHONPATH": os.pathsep.join(map(str, found)), "OMP_NUM_THREADS": "1"}


def run(
    folder: Path, environment: dict[str, str], *command: str
) -> subprocess.CompletedProcess[str]:
    """Run a module of Python in a folder: ``-m starbench ...`` or ``-c ...``."""
    return subprocess.run(
        [sys.executable, *command],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
