"""Jobs run out of order, folders that are missing, full or read-only, interrupts, and locks."""

import json
import shutil

from tests.trials.damage import BACKBONE, DATA, ROOT, TRAINED, VECTORS, without
from tests.trials.running import CONFIG, RETRIEVAL, SEED, STS, Place, Row

SHARD = "--dataset library --shard 1"
FIRST = (
    r" is not finished: it has no manifest\.json; run the stage that makes it, or snakemake, first"
)


def alone(place: Place) -> None:
    """Nothing but a config."""
    shutil.rmtree(place.folder / "results")


def dangling(place: Place) -> None:
    alone(place)
    (place.folder / "results").mkdir()
    place.root.symlink_to("/nowhere/at/all")


def a_file_for(name: str):
    def make(place: Place) -> None:
        alone(place)
        place.write(name, "a file\n")

    return make


def read_only(*names: str):
    """Let nobody write into these folders."""

    def make(place: Place) -> None:
        for name in names:
            folder = place.folder / name
            folder.mkdir(parents=True, exist_ok=True)
            folder.chmod(0o555)

    return make


def unreadable(name: str):
    def make(place: Place) -> None:
        (place.folder / name).chmod(0o000)

    return make


def steps(*stages: str):
    """Long trainings, and what these stages have made removed."""

    def make(place: Place) -> None:
        place.edit(("steps: 6\n      learning_rate: 1.5", "steps: 90000\n      learning_rate: 1.5"),
                   ("steps: 6\n      learning_rate: 1.0", "steps: 90000\n      learning_rate: 1.0"))  # fmt: skip
        for stage in stages:
            shutil.rmtree(place.root / stage)

    return make


def locked(said: str | None, lock: bool = True):
    def make(place: Place) -> None:
        if lock:
            place.write(".snakemake/locks/0.output.lock", "results/x\n")
        if said is not None:
            place.write(".snakemake/starbench-processes/node7-1.json", said)

    return make


HOLDER = {"host": "node7", "boot": "b", "namespace": 5, "pid": 1, "started": 1.5}


# fmt: off
ORDER = [
    Row("order: pretrain before its texts", f"pretrain {CONFIG} --backbone base {SEED}", rf"error: {DATA}/stories{FIRST}", alone, both_ways=True),
    Row("order: pretrain before its start", f"pretrain {CONFIG} --backbone base-smae {SEED}", rf"error: {ROOT}/backbones/base/seed-42{FIRST}", without(f"{ROOT}/backbones/base")),
    Row("order: finetune before its backbone", f"finetune {STS}", rf"error: {BACKBONE}{FIRST}", alone),
    Row("order: finetune before its data", f"finetune {STS}", rf"error: {DATA}/entailments{FIRST}", without(f"{DATA}/entailments")),
    Row("order: embed before its model", f"embed {STS}", rf"error: {TRAINED}{FIRST}", without(f"{ROOT}/models", f"{ROOT}/embeddings")),
    Row("order: embed before all", f"embed {STS}", rf"error: ({DATA}/paraphrase|{TRAINED}){FIRST}", alone),
    Row("order: embed a shard before its passages", f"embed {RETRIEVAL} {SHARD}", rf"error: {DATA}/library{FIRST}", without(f"{DATA}/library", f"{ROOT}/embeddings")),
    Row("order: evaluate before embed", f"evaluate model {STS}", rf"error: {VECTORS}{FIRST}", without(f"{ROOT}/embeddings", f"{ROOT}/scores")),
    Row("order: evaluate before all", f"evaluate model {STS}", rf"error: {TRAINED}{FIRST}", alone),
    Row("order: evaluate before its shards are searched", f"evaluate model {RETRIEVAL}", rf"error: {ROOT}/searches/retrieval/starbucks/seed-42/library/passages-1/library{FIRST}", without(f"{ROOT}/searches", f"{ROOT}/scores/retrieval/starbucks")),
    Row("order: search before embed", f"evaluate shard {RETRIEVAL} {SHARD}", rf"error: {ROOT}/embeddings/retrieval/starbucks/seed-42/library/(queries|passages-1){FIRST}", without(f"{ROOT}/embeddings", f"{ROOT}/searches")),
    Row("order: BM25 before its data", f"evaluate bm25 {CONFIG} --track retrieval", rf"error: {DATA}/library{FIRST}", alone),
    Row("order: collect before evaluate", f"evaluate collect {CONFIG}", rf"error: {ROOT}/scores/sts/starbucks/seed-42/paraphrase{FIRST}", alone),
    Row("order: compare before evaluate", f"evaluate compare {CONFIG}", rf"error: {ROOT}/scores/sts/starbucks/seed-42/paraphrase{FIRST}", without(f"{ROOT}/scores/sts")),
    Row("order: report before collect", f"report {CONFIG}", rf"error: no scores at {ROOT}/scores\.csv: run the stage that makes it, or snakemake, first", alone),
    Row("order: shown before collect", f"report {CONFIG} --show", rf"error: no scores at {ROOT}/scores\.csv: .*", alone),
    Row("order: leakage before the data", f"data {CONFIG} --leakage", rf"error: {DATA}/(paraphrase|entailments){FIRST}", alone),
    Row("order: export before the model", f"export {CONFIG} --system starbucks --size half --track sts", rf"error: {ROOT}/models/sts/starbucks/seed-42{FIRST}", without(f"{ROOT}/models/sts")),
    Row("order: export before the data", f"export {CONFIG} --system starbucks --size half --track sts", rf"error: {DATA}/paraphrase{FIRST}", without(f"{DATA}/paraphrase")),
    Row("order: measure before the model", f"measure model {STS}", rf"error: {ROOT}/models/sts/starbucks/seed-42{FIRST}", without(f"{ROOT}/models/sts")),
    Row("order: measure before the data", f"measure model {STS}", rf"error: {DATA}/paraphrase{FIRST}", without(f"{DATA}/paraphrase")),
    Row("order: measure before the embeddings", f"measure model {RETRIEVAL}", rf"error: {ROOT}/embeddings/retrieval/starbucks/seed-42/library/queries{FIRST}", without(f"{ROOT}/embeddings/retrieval")),
    Row("order: another seed was trained", f"embed {CONFIG} --track sts --model starbucks --seed 43", rf"error: {ROOT}/models/sts/starbucks/seed-43{FIRST}", lambda place: place.edit(("- 42", "- 43"))),
    Row("order: the config has changed since", f"evaluate model {STS}", rf"error: {VECTORS} holds embeddings of another model, dataset or config: remove it and embed again", lambda place: place.edit(("    finetuning:\n      dataset: entailments", "    embedding:\n      dtype: float16\n    finetuning:\n      dataset: entailments"))),
    Row("order: another run's scores", f"report {CONFIG}", rf"error: {ROOT}/scores\.csv:\d+: .*", lambda place: place.edit(("- 42", "- 43"))),
]

FOLDERS = [
    Row("folder: a run that is a dangling link", f"data {CONFIG} --dataset stories", rf"error: {ROOT}.*: .*link.*", dangling),
    Row("folder: results that are a dangling link", f"data {CONFIG} --dataset stories", r"error: the config's results: 'results' is a link that leads to nothing", lambda place: (alone(place), (place.folder / "results").symlink_to("/nowhere"))),
    Row("folder: results that are a file", f"data {CONFIG} --dataset stories", r"error: the config's results: 'results' is not a folder", a_file_for("results")),
    Row("folder: a run that is a file", f"data {CONFIG} --dataset stories", rf"error: {ROOT}.*: not a directory: .*", a_file_for(ROOT)),
    Row("folder: data that are a file", f"data {CONFIG} --dataset stories", rf"error: {DATA}.*: not a directory: .*", a_file_for(DATA)),
    Row("folder: a dataset that is a file", f"data {CONFIG} --dataset stories", rf"error: {DATA}/stories.*: (not a directory|file exists): .*", a_file_for(f"{DATA}/stories")),
    Row("folder: records that are a folder", f"data {CONFIG} --dataset stories", rf"error: {DATA}/stories/records\.arrow.*: is a directory: .*", lambda place: (alone(place), (place.folder / DATA / "stories/records.arrow").mkdir(parents=True))),
    Row("folder: a manifest that is a folder", f"data {CONFIG} --dataset stories", rf"error: {DATA}/stories/manifest\.json.*: is a directory: .*", lambda place: (alone(place), (place.folder / DATA / "stories/manifest.json").mkdir(parents=True)), keeps=rf"{DATA}/stories/records\.arrow"),
    Row("folder: a model that is a file", f"finetune {STS}", rf"error: {TRAINED}.*: (not a directory|file exists): .*", lambda place: (shutil.rmtree(place.folder / TRAINED), place.write(TRAINED, "x"))),
    Row("folder: embeddings that are a file", f"embed {STS}", rf"error: {VECTORS}.*: (not a directory|file exists): .*", lambda place: (shutil.rmtree(place.folder / VECTORS), place.write(VECTORS, "x"))),
    Row("folder: tables that are a file", f"report {CONFIG} --threads 1", rf"error: {ROOT}/tables.*: (not a directory|file exists): .*", lambda place: (shutil.rmtree(place.root / "tables"), place.write(f"{ROOT}/tables", "x")), keeps=rf"{ROOT}/manifest\.json"),
    Row("folder: read-only, of data", f"data {CONFIG} --dataset stories", rf"error: {DATA}/stories.*: permission denied: make it readable and writable for this user, or choose another folder", read_only(f"{DATA}/stories"), as_root=False),
    Row("folder: read-only, of all", f"data {CONFIG} --dataset stories", r"error: results.*: permission denied: make it .*", lambda place: (alone(place), place.folder.chmod(0o555)), as_root=False),
    Row("folder: read-only, of a model", f"finetune {STS}", rf"error: {TRAINED}.*: permission denied: make it .*", read_only(TRAINED), as_root=False),
    Row("folder: read-only, of scores", f"evaluate collect {CONFIG}", rf"error: {ROOT}/.*scores\.csv.*: permission denied: make it .*", read_only(ROOT), as_root=False),
    Row("folder: a manifest that may not be read", f"embed {STS}", rf"error: cannot read {TRAINED}/manifest\.json: permission denied: .*", lambda place: (without(f"{ROOT}/embeddings")(place), unreadable(f"{TRAINED}/manifest.json")(place)), as_root=False),
    Row("folder: weights that may not be read", f"embed {STS}", rf"error: .*{TRAINED}/model/model\.safetensors: permission denied: .*", lambda place: (without(f"{ROOT}/embeddings")(place), unreadable(f"{TRAINED}/model/model.safetensors")(place)), as_root=False),
    Row("folder: a dataset that may not be entered", f"embed {STS}", rf"error: .*{DATA}/paraphrase.*: permission denied: .*", lambda place: (without(f"{ROOT}/embeddings")(place), unreadable(f"{DATA}/paraphrase")(place)), as_root=False),
    Row("folder: scores that may not be read", f"report {CONFIG}", rf"error: .*{ROOT}/scores\.csv: permission denied: .*", unreadable(f"{ROOT}/scores.csv"), as_root=False),
    Row("folder: no scratch", f"embed {STS}", r"error: compute\.embed\.scratch: /nowhere/at/all: there is no folder /nowhere/at/all on .*", lambda place: (without(f"{ROOT}/embeddings")(place), place.edit(("  pretrain:\n    cpus: 1\n    memory_mb: 4000", "  embed:\n    scratch: /nowhere/at/all")))),
    Row("folder: scratch of a variable that is not set", f"embed {STS}", r"error: compute\.embed\.scratch: \$NOWHERE: the variable is not set on .*", lambda place: (without(f"{ROOT}/embeddings")(place), place.edit(("  pretrain:\n    cpus: 1\n    memory_mb: 4000", "  embed:\n    scratch: $NOWHERE")))),
    Row("folder: the paper's numbers into a file", "report --published --output run.yaml", r"error: run\.yaml.*: (not a directory|file exists): .*"),
]

INTERRUPTS = [
    Row("interrupt: pre-training", f"pretrain {CONFIG} --backbone base {SEED}", r"interrupted", steps("backbones"), status=130, interrupt=f"{ROOT}/backbones/base/seed-42/checkpoints/checkpoint-4/hashes.json", keeps=rf"{ROOT}/backbones/.*(checkpoints/.*|train_log\.jsonl)"),
    Row("interrupt: fine-tuning", f"finetune {STS}", r"interrupted", steps("models"), status=130, interrupt=f"{ROOT}/models/sts/starbucks/seed-42/checkpoints/checkpoint-4/hashes.json", keeps=rf"{ROOT}/models/.*(checkpoints/.*|train_log\.jsonl)"),
    Row("interrupt: fetching", f"data {CONFIG} --dataset stories", r"interrupted", lambda place: place.edit(("rows: 80", "rows: 9000000")), status=130, interrupt=f"{DATA}/stories/.records.arrow.*.tmp", keeps=rf"{DATA}/stories/manifest\.json"),
    Row("interrupt: comparing", f"evaluate compare {CONFIG}", r"interrupted", lambda place: place.edit(("resamples: 100", "resamples: 1000000")), status=130, interrupt=f"{ROOT}/.significance.csv.*.tmp"),
]

LOCKS = [
    Row("lock: of nobody that is known", "unlock", r"error: .* is locked, and nothing tells by which Snakemake: .*`starbench unlock --force` removes it", locked(None)),
    Row("lock: of a file that is damaged", "unlock", r"error: .*node7-1\.json is damaged: .*", locked("{")),
    Row("lock: of a list", "unlock", r"error: .*node7-1\.json is damaged: .*", locked("[1]")),
    Row("lock: of a process in words", "unlock", r"error: .*node7-1\.json is damaged: .*", locked(json.dumps(HOLDER | {"pid": "one"}))),
    Row("lock: of a host that is a number", "unlock", r"error: .*node7-1\.json is damaged: .*", locked(json.dumps(HOLDER | {"host": 5}))),
    Row("lock: binary", "unlock", r"error: .*node7-1\.json is damaged: .*", lambda place: (locked(None)(place), place.write(".snakemake/starbench-processes/node7-1.json", b"\xff\xfe"))),
    Row("lock: of another machine", "unlock", r"error: .* is locked by a Snakemake of another machine or container \(process 1 on node7\), .*", locked(json.dumps(HOLDER))),
    Row("lock: that may not be removed", "unlock --force", r"error: .*\.snakemake.*: permission denied: .*", lambda place: (locked(None)(place), read_only(".snakemake/locks")(place)), as_root=False),
    Row("lock: none", "unlock", r"(?!)", locked(None, lock=False), status=0, told="none"),
]
# fmt: on
