"""`starbench doctor` in environments that are broken: a finding with advice, no traceback."""

import shutil

from tests.trials.running import BASE, CONFIG, ROOT, Place, Row

DOCTOR = f"doctor {CONFIG}"


def checkout(lock: str | bytes | None):
    """A copy of the package with a lock of its own, which the command imports."""

    def make(place: Place) -> None:
        place.write("run.yaml", BASE)
        shutil.copytree(ROOT / "src" / "starbench", place.folder / "src" / "starbench")
        if lock is not None:
            place.write("envs/requirements.lock", lock)

    return make


def broken(package: str, text: str):
    """A package that another one of the same name stands before."""

    def make(place: Place) -> None:
        place.write("run.yaml", BASE)
        place.write(f"before/{package}/__init__.py", text)

    return make


# fmt: off
QUICK = [
    Row("doctor: no config", "doctor --config none.yaml", r"error: no config file none\.yaml.*"),
    Row("doctor: a wrong config", DOCTOR, r"error: run\.yaml:<line>: report\.level: .*", lambda place: place.edit(("level: 0.05", "level: 7"))),
    Row("doctor: results that are a file", f"{DOCTOR} --results run.yaml", r"error: starbench doctor: argument --results: 'run\.yaml' is not a folder; see .*"),
]
FORKED = [
    Row("doctor: a dataset whose record is damaged", DOCTOR, r"problem  dataset stories: .*source_files\.json is damaged: .*", lambda place: place.write("results/tiny/data/stories/source_files.json", "{"), status=1, told="out"),
    Row("doctor: a manifest that is damaged", DOCTOR, r"(problem|warning)  ?.*results/tiny/data/stories/manifest\.json is damaged: .*", lambda place: place.write("results/tiny/data/stories/manifest.json", "{"), status=0, told="out"),
    Row("doctor: no data root", DOCTOR, r"problem  data root: the config and STARBENCH_DATA name none; set STARBENCH_DATA, .*", lambda place: place.edit(("    kind: pairs\n    source: micro\n    rows: 40", "    kind: pairs\n    source: folder\n    name: x"), ("run: tiny", "run: other")), status=1, told="out"),
    Row("doctor: a checkpoint that is gone", DOCTOR, r"problem  backbone base: no folder \./gone", lambda place: place.edit(("run: tiny", "run: other"), ("    architecture:\n      layers: 2\n      width: 16\n      heads: 2\n      intermediate: 32\n      max_positions: 64\n      vocabulary: 600\n", "    checkpoint:\n      name: ./gone\n")), status=1, told="out"),
]
OWN = [
    Row("doctor: no PyTorch", DOCTOR, r"problem  gpu: torch cannot be imported \(.*gone.*\); pip install -r envs/requirements\.lock", broken("torch", "raise ImportError('gone')"), status=1, told="out", environment={"PYTHONPATH": f"before:{ROOT / 'src'}"}),
    Row("doctor: a PyTorch that crashes", DOCTOR, r"problem  gpu: torch cannot be imported \(.*no CUDA here.*\); .*", broken("torch", "raise OSError('no CUDA here')"), status=1, told="out", environment={"PYTHONPATH": f"before:{ROOT / 'src'}"}),
    Row("doctor: a lock that pins nothing", DOCTOR, r"problem  versions: .*envs/requirements\.lock:1: expected NAME==VERSION, got 'torch'.*", checkout("torch\n"), status=1, told="out", environment={"PYTHONPATH": "src"}),
    Row("doctor: a lock that is binary", DOCTOR, r"problem  versions: .*envs/requirements\.lock.*", checkout(b"\xff\xfe\0"), status=1, told="out", environment={"PYTHONPATH": "src"}),
    Row("doctor: a lock of other versions", DOCTOR, r"problem  versions: not as in envs/requirements\.lock: numpy .* \(0\.1\); pip install -r envs/requirements\.lock", checkout("numpy==0.1\n"), status=1, told="out", environment={"PYTHONPATH": "src"}),
    Row("doctor: no lock", DOCTOR, r"warning  versions: no envs/requirements\.lock beside the package: .*", checkout(None), status=0, told="out", environment={"PYTHONPATH": "src"}),
]
# fmt: on
