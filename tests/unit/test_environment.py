"""pyproject, lock, conda environment and post-deploy script name the same versions."""

import hashlib
import re
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
LOCKS = ("requirements.lock", "requirements-dev.lock")


def pins(name):
    lines = (ROOT / "envs" / name).read_text().splitlines()
    found = [line.split("==") for line in lines if line and not line.startswith("#")]
    return {canonicalize_name(package): pinned for package, pinned in found}


def requirements():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    return [
        *((Requirement(text), "requirements.lock") for text in project["dependencies"]),
        *((Requirement(text), None) for text in extras["dev"] + extras["minilm"]),
    ]


@pytest.mark.parametrize(("requirement", "lock"), requirements(), ids=str)
def test_every_requirement_is_pinned_within_its_range(requirement, lock):
    pinned = pins(lock) if lock else pins(LOCKS[0]) | pins(LOCKS[1])
    assert requirement.specifier.contains(pinned[canonicalize_name(requirement.name)])


def test_no_package_is_pinned_twice():
    assert not pins(LOCKS[0]).keys() & pins(LOCKS[1]).keys()


@pytest.mark.parametrize("lock", LOCKS)
def test_the_installed_versions_are_the_pinned_ones(lock):
    for package, pinned in pins(lock).items():
        assert version(package).split("+")[0] == pinned, package


def test_torch_is_pinned_below_the_next_release():
    """A newer torch would come with several gigabytes of other packages."""
    assert pins(LOCKS[0])["torch"].startswith("2.13.")


def test_the_post_deploy_script_expects_this_lock():
    lock = (ROOT / "envs" / "requirements.lock").read_bytes()
    script = (ROOT / "envs" / "starbench.post-deploy.sh").read_text()
    (expected,) = re.findall(r"^want=([0-9a-f]{64})$", script, re.MULTILINE)
    assert expected == hashlib.sha256(lock).hexdigest()


def test_the_conda_environment_is_a_python_that_the_project_supports():
    environment = yaml.safe_load((ROOT / "envs" / "starbench.yaml").read_text())
    (python,) = [d for d in environment["dependencies"] if d.startswith("python=")]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    supported = Requirement(f"python{project['requires-python']}").specifier
    assert supported.contains(python.removeprefix("python=") + ".0")


def test_every_rule_has_the_environment_a_log_and_a_benchmark():
    for path in (ROOT / "workflow" / "rules").glob("*.smk"):
        rules = re.split(r"^rule ", path.read_text(), flags=re.MULTILINE)[1:]
        for rule in rules:
            for part in ('"../../envs/starbench.yaml"', "log:", "benchmark:", "threads:"):
                assert part in rule, f"{path.name}: {rule.splitlines()[0]} lacks {part}"


def test_only_local_rules_may_use_the_network():
    for path in (ROOT / "workflow" / "rules").glob("*.smk"):
        text = path.read_text()
        local = re.search(r"^localrules:\n((?:    \w+,\n)+)", text, re.MULTILINE)
        for rule in re.split(r"^rule ", text, flags=re.MULTILINE)[1:]:
            name = rule.split(":")[0]
            if local is None or f"{name}," not in local[1]:
                assert "HF_HUB_OFFLINE=1 starbench" in rule, f"{path.name}: {name}"
