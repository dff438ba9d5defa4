"""What a run holds: every product's bytes, and what should not be there."""

from __future__ import annotations

import json
from collections.abc import Collection
from pathlib import Path

from starbench.machine.files import sha256_of
from tests.chaos.jobs import RUN


def products(folder: Path, damaged: Collection[str] = ()) -> dict[str, str]:
    """Return {product: SHA-256} of all that is finished in a run.

    Files that a manifest lists must have the bytes that it says. Tables carry the hash of the
    run's manifest, which holds times: they are compared without it. Figures and pages are drawn
    of the same numbers with times beside them: they must be there.
    """
    root = folder / RUN
    found = vouched_for(folder, damaged)
    for path in root.glob("*.csv.sha256"):
        assert path.read_text().split()[0] == sha256_of(path.with_suffix("")), path
    found |= {path.name: sha256_of(path) for path in root.glob("*.csv")}
    return found | (_reported(root) if (root / "manifest.json").is_file() else {})


def vouched_for(folder: Path, damaged: Collection[str] = ()) -> dict[str, str]:
    """Return {file: SHA-256} of what the manifests of a run list, which must be so.

    Args:
        folder: where the run is made.
        damaged: files that need not be what their manifests say.
    """
    root = folder / RUN
    found = {}
    for manifest in root.glob("*/**/manifest.json"):
        for name, sha256 in json.loads(manifest.read_text())["files"].items():
            path = str((manifest.parent / name).relative_to(root))
            if name.endswith("manifest.json") or path in damaged:
                continue
            assert sha256_of(root / path) == sha256, path
            found[path] = sha256
    return found


def _reported(root: Path) -> dict[str, str]:
    digits = sha256_of(root / "manifest.json")[:12]
    found = {}
    for path in sorted((root / "tables").iterdir()):
        text = path.read_text()
        assert digits in text, f"{path} is of another report"
        found[f"tables/{path.name}"] = text.replace(digits, "")
    for path in (*(root / "figures").iterdir(), *root.glob("summary.*")):
        assert path.stat().st_size > 0, path
        found[str(path.relative_to(root))] = "there"
    return found


def files_of(folder: Path) -> set[str]:
    """Return every file and empty folder of a run, and of what Snakemake is in the middle of."""
    paths = [*(folder / "results").rglob("*")]
    for name in ("locks", "incomplete", "starbench-processes"):
        paths += (folder / ".snakemake" / name).rglob("*")
    kept = [path for path in paths if path.is_file() or not any(path.iterdir())]
    return {str(path.relative_to(folder)) for path in kept}
