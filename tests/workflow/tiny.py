"""Running the real workflow on the tiny config, in a folder of a test's own."""

import os
import re
import subprocess
import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
TINY = Path(__file__).with_name("tiny.yaml")
BIN = Path(sys.executable).parent
ENVIRONMENT = os.environ | {"PATH": f"{BIN}:{os.environ['PATH']}", "OMP_NUM_THREADS": "1"}


def command(folder: Path, *arguments: str) -> list[str]:
    return [
        "snakemake",
        "--snakefile",
        str(ROOT / "Snakefile"),
        "--directory",
        str(folder),
        "--configfile",
        str(folder / "run.yaml"),
        "--cores",
        "2",
        *arguments,
    ]


def snakemake(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        command(folder, *arguments), env=ENVIRONMENT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def edit(folder: Path, change) -> None:
    path = folder / "run.yaml"
    value = yaml.safe_load(path.read_text())
    change(value)
    path.write_text(yaml.safe_dump(value, sort_keys=False))


def planned(folder: Path) -> dict[str, int]:
    """Return {rule: jobs} of a dry run."""
    text = snakemake(folder, "--dry-run", "--quiet", "host")
    table = re.search(r"Job stats:\n.*?\n-[- ]+\n(.*?)\n\n", text, re.DOTALL)
    if table is None:
        assert "Nothing to be done" in text
        return {}
    rows = [line.split() for line in table[1].splitlines()]
    return {rule: int(count) for rule, count in rows if rule not in ("total", "all", "default")}


def weights(folder: Path, model: str) -> bytes:
    path = folder / f"results/tiny/models/sts/{model}/seed-42/model/model.safetensors"
    return path.read_bytes()


def files_of(folder: Path) -> dict[str, tuple[int, int]]:
    """Return {file: (size, time)} of all that is in a folder, Snakemake's own files aside."""
    found = (path for path in folder.rglob("*") if path.is_file())
    return {
        str(path.relative_to(folder)): (path.stat().st_size, path.stat().st_mtime_ns)
        for path in found
        if ".snakemake" not in path.parts
    }
