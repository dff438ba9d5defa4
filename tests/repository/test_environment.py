"""pyproject, lock, conda environment, images and post-deploy script name the same versions."""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from rattler import MatchSpec

ROOT = Path(__file__).parents[2]
LOCKS = ("requirements.lock", "requirements-dev.lock")
OF_DOCS = "requirements-docs.lock"


def pins(name):
    lines = (ROOT / "envs" / name).read_text().splitlines()
    found = [line.split("==") for line in lines if line and not line.startswith("#")]
    return {canonicalize_name(package): pinned for package, pinned in found}


def requirements():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    return [
        *(
            (Requirement(text), LOCKS[0])
            for text in project["dependencies"] + extras["bench"] + extras["onnx"]
        ),
        *((Requirement(text), None) for text in extras["dev"] + extras["minilm"]),
        *((Requirement(text), OF_DOCS) for text in extras["docs"]),
    ]


@pytest.mark.parametrize(("requirement", "lock"), requirements(), ids=str)
def test_every_requirement_is_pinned_within_its_range(requirement, lock):
    pinned = pins(lock) if lock else pins(LOCKS[0]) | pins(LOCKS[1])
    assert requirement.specifier.contains(pinned[canonicalize_name(requirement.name)])


def test_no_package_is_pinned_twice():
    assert not pins(LOCKS[0]).keys() & pins(LOCKS[1]).keys()


def test_the_environment_of_the_docs_has_no_other_version_of_a_package():
    known = pins(LOCKS[0]) | pins(LOCKS[1])
    of_docs = pins(OF_DOCS)
    shared = known.keys() & of_docs.keys()
    assert shared >= {"pydantic", "pyyaml"}
    assert {name: of_docs[name] for name in shared} == {name: known[name] for name in shared}


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


def conda_python():
    environment = yaml.safe_load((ROOT / "envs" / "starbench.yaml").read_text())
    (python,) = [d for d in environment["dependencies"] if d.startswith("python=")]
    return python.removeprefix("python=")


def image_lines(name):
    """The lines of a Dockerfile or Apptainer definition, continued ones joined."""
    text = (ROOT / name).read_text().replace("\\\n", " ")
    return [line.strip() for line in text.splitlines() if line.strip()[:1] not in ("", "#")]


IMAGES = {"Dockerfile": "FROM python:", "envs/starbench.def": "From: python:"}


def pip_commands(name):
    found = [line.removeprefix("RUN ") for line in image_lines(name)]
    return [line for line in found if line.startswith("python -m pip")]


def test_the_conda_environment_is_a_python_that_the_project_supports():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    supported = Requirement(f"python{project['requires-python']}").specifier
    assert supported.contains(f"{conda_python()}.0")


def test_the_conda_environment_brings_python_and_pip_and_leaves_the_rest_to_the_lock():
    """conda's own `pip:` section cannot read the lock, and a second pin here would drift."""
    environment = yaml.safe_load((ROOT / "envs" / "starbench.yaml").read_text())
    assert environment["dependencies"] == [f"python={conda_python()}", "pip"]
    for given in environment["dependencies"]:
        MatchSpec(given, strict=True)
    assert "nodefaults" in environment["channels"]


def test_the_post_deploy_script_installs_the_lock_and_then_the_checkout():
    script = (ROOT / "envs" / "starbench.post-deploy.sh").read_text()
    found = re.findall(r"^python -m pip .*$", script, re.MULTILINE)
    plain = [line.replace("--disable-pip-version-check --quiet ", "") for line in found]
    plain = [line.replace('"$lock"', "envs/requirements.lock") for line in plain]
    plain = [line.replace('"$source"', ".") for line in plain]
    assert plain == pip_commands("Dockerfile")
    assert "lock=$source/envs/requirements.lock" in script.splitlines()


@pytest.mark.parametrize("image", IMAGES)
def test_an_image_has_the_python_of_the_conda_environment(image):
    (base,) = [line for line in image_lines(image) if line.startswith(IMAGES[image])]
    assert base.removeprefix(IMAGES[image]).split("-")[0] == conda_python()


@pytest.mark.parametrize("image", IMAGES)
def test_an_image_installs_the_lock_and_nothing_else(image):
    assert pip_commands(image) == [
        "python -m pip install -r envs/requirements.lock",
        "python -m pip install --no-deps --no-build-isolation --editable .",
    ]


def test_both_images_hold_the_same_files():
    """All of them there, the lock among them, and none left out of what Docker sends."""
    copied = [line.split()[1:-1] for line in image_lines("Dockerfile") if line.startswith("COPY")]
    docker = {part for parts in copied for part in parts}
    lines = image_lines("envs/starbench.def")
    files = lines[lines.index("%files") + 1 : lines.index("%environment")]
    assert {line.split()[0] for line in files} == docker
    sent = [
        line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line[:1] == "!"
    ]
    for part in docker:
        assert (ROOT / part).exists()
        assert part.split("/")[0] in sent


@pytest.mark.skipif(sys.version_info[:2] != (3, 11), reason="the image has Python 3.11")
def test_the_pip_steps_of_the_image_run(tmp_path):
    """In a new environment that has the lock's packages at hand, without the network."""
    made = [line for line in image_lines("Dockerfile") if line.startswith("COPY")]
    for part in {part for line in made for part in line.split()[1:-1]}:
        if (ROOT / part).is_dir():
            ignored = shutil.ignore_patterns("*.egg-info", "__pycache__")
            shutil.copytree(ROOT / part, tmp_path / part, ignore=ignored, dirs_exist_ok=True)
        else:
            (tmp_path / part).parent.mkdir(exist_ok=True)
            shutil.copy(ROOT / part, tmp_path / part)
    stand_in = ROOT / "tests" / "conda" / "bin" / "conda"
    create = ("env", "create", "--file", ROOT / "envs" / "starbench.yaml", "--prefix")
    subprocess.run([sys.executable, stand_in, *create, tmp_path / "env"], check=True)
    bin_folder = tmp_path / "env" / "bin"
    environment = os.environ | {"PATH": f"{bin_folder}:{os.environ['PATH']}", "PIP_NO_INDEX": "1"}
    environment.pop("PYTHONPATH", None)
    for command in pip_commands("Dockerfile"):
        subprocess.run(command.split(), cwd=tmp_path, env=environment, check=True)
    installed = subprocess.run(
        [bin_folder / "starbench", "--help"], env=environment, check=True, capture_output=True
    )
    assert b"plan" in installed.stdout


def test_hadolint_finds_nothing_in_the_dockerfile_and_would():
    checked = subprocess.run(["hadolint", ROOT / "Dockerfile"], check=False)
    assert checked.returncode == 0
    worse = (ROOT / "Dockerfile").read_text().replace("WORKDIR /opt", "WORKDIR opt")
    found = subprocess.run(
        ["hadolint", "-"], input=worse.encode(), check=False, capture_output=True
    )
    assert found.returncode != 0


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
                assert "HF_HUB_OFFLINE=1 python -P -m starbench" in rule, f"{path.name}: {name}"
