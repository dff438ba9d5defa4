"""The library alone needs nothing of the pipeline, and the command says what it needs."""

import ast
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
NEEDED = {Requirement(text).name.replace("-", "_") for text in PROJECT["dependencies"]}
NEEDED.add("pydantic_core")  # comes with pydantic

OF_THE_PIPELINE = ("Collection", "GroupOfDatasets", "Source", "Test", "Track")
"""Public names for plugins that only the pipeline runs: sources and tracks."""

LOADED = f"""
import starbench, sys
for name in starbench.__all__:
    if name not in {OF_THE_PIPELINE}:
        getattr(starbench, name)
loaded = [module for name, module in list(sys.modules.items()) if name.startswith("starbench")]
print(*(module.__file__ for module in loaded))
"""

BLOCKED = """
import runpy, sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name == {missing!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Blocked())
sys.argv = ["starbench", "--version"]
runpy.run_module("starbench", run_name="__main__")
"""


def run(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


def imported(path):
    """Return the packages that a module imports when it is loaded itself."""
    found = set()
    for node in ast.parse(Path(path).read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(str(node.module).partition(".")[0])
    return found - {"starbench"} - sys.stdlib_module_names


def test_what_the_library_loads_imports_its_own_requirements_alone():
    done = run(LOADED)
    assert done.returncode == 0, done.stderr
    files = done.stdout.split()
    assert any(file.endswith("layered_loss.py") for file in files)
    assert {file: imported(file) - NEEDED for file in files if imported(file) - NEEDED} == {}


@pytest.mark.parametrize("missing", ["yaml", "psutil"])
def test_the_command_says_what_to_install(missing):
    done = run(BLOCKED.format(missing=missing))
    assert done.returncode == 1
    assert done.stderr.strip() == (
        f"error: the command needs the pipeline's packages (no module {missing}): "
        "pip install 'starbench[bench]'"
    )
