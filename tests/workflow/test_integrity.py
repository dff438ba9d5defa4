"""No stage reads what its manifest does not vouch for: a flipped bit is refused in one line."""

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from starbench.machine.files import sha256_of
from tests.workflow.tiny_run import RETRIEVAL, SEED, STS, starbench

MODEL = "starbucks/seed-42"
READS = [
    ("data/stories/records.arrow", ["pretrain", "--backbone", "base", *SEED]),
    ("backbones/base/seed-42/model.safetensors", ["pretrain", "--backbone", "base-smae", *SEED]),
    ("backbones/base/seed-42/tokenizer.json", ["pretrain", "--backbone", "base-smae", *SEED]),
    ("backbones/base-smae/seed-42/model.safetensors", ["finetune", *STS]),
    ("backbones/base-smae/seed-42/config.json", ["finetune", *STS]),
    ("data/entailments/records.arrow", ["finetune", *STS]),
    ("data/questions/records.arrow", ["finetune", *RETRIEVAL]),
    (f"models/sts/{MODEL}/model/model.safetensors", ["embed", *STS]),
    (f"models/sts/{MODEL}/model/1_Pooling/config.json", ["embed", *STS]),
    ("data/paraphrase/records.arrow", ["embed", *STS]),
    ("data/archive/passages.arrow", ["embed", *RETRIEVAL]),
    ("data/library/passages.arrow", ["embed", *RETRIEVAL, "--dataset", "library", "--shard", "1"]),
    (f"embeddings/sts/{MODEL}/paraphrase/layer-1.npy", ["evaluate", "model", *STS]),
    ("data/paraphrase/records.arrow", ["evaluate", "model", *STS]),
    (
        f"embeddings/retrieval/{MODEL}/library/passages-2/layer-2.npy",
        ["evaluate", "shard", *RETRIEVAL, "--dataset", "library", "--shard", "2"],
    ),
    (
        f"embeddings/retrieval/{MODEL}/library/queries/layer-1.npy",
        ["evaluate", "shard", *RETRIEVAL, "--dataset", "library", "--shard", "2"],
    ),
    (
        f"searches/retrieval/{MODEL}/library/passages-1/library/rows.npy",
        ["evaluate", "model", *RETRIEVAL],
    ),
    ("data/library/qrels.arrow", ["evaluate", "model", *RETRIEVAL]),
    ("data/archive/queries.arrow", ["evaluate", "bm25", "--track", "retrieval"]),
    (f"scores/sts/{MODEL}/paraphrase/scores.csv", ["evaluate", "collect"]),
    ("scores/retrieval/bm25/archive/scores.csv", ["evaluate", "collect"]),
    (f"scores/sts/{MODEL}/paraphrase/similarities.npy", ["evaluate", "compare"]),
    (f"scores/retrieval/{MODEL}/library/queries.csv.gz", ["evaluate", "compare"]),
    ("data/paraphrase/records.arrow", ["evaluate", "compare"]),
    ("scores.csv", ["report"]),
    ("significance.csv", ["report"]),
]


@pytest.fixture
def run(by_commands, tmp_path):
    """A copy of the finished run, times included."""
    shutil.copytree(by_commands, tmp_path / "copy", symlinks=True)
    return tmp_path / "copy"


def forget(run: Path, file: str, command: list[str]) -> None:
    """Remove what a command finds finished, and would leave as it is; keep what it reads."""
    if "collect" in command or "compare" in command:
        return
    root = run / "results/tiny"
    for name in {"embed": ["embeddings"], "evaluate": ["searches", "scores"]}.get(command[0], []):
        for path in (root / name).rglob("manifest.json"):
            if path.parent not in (root / file).parents:
                path.unlink()


def flip(path: Path) -> None:
    """Flip one bit; size and time stay."""
    before = path.stat()
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def name_of(value: str | list[str]) -> str:
    return value if isinstance(value, str) else value[0]


@pytest.mark.parametrize(("file", "command"), READS, ids=name_of)
def test_a_flipped_bit_is_refused_by_the_stage_that_reads_it(run, capsys, file, command):
    path = run / "results/tiny" / file
    forget(run, file, command)
    flip(path)
    capsys.readouterr()
    assert starbench(run, *command) == 2
    said = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
    assert len(said) == 1
    assert said[0].startswith(f"error: {path} has other bytes (SHA-256 ")
    assert "and run again" in said[0]


def test_embeddings_of_another_dtype_are_refused(run, capsys):
    path = run / f"results/tiny/embeddings/sts/{MODEL}/paraphrase/layer-1.npy"
    np.save(path, np.load(path).astype(np.float64))
    shutil.rmtree(run / "results/tiny/scores")
    assert starbench(run, "evaluate", "model", *STS) == 2
    assert f"{path} has" in capsys.readouterr().err


def test_removing_what_the_error_names_mends_the_run(run, capsys):
    root = run / f"results/tiny/embeddings/sts/{MODEL}"
    layer = root / "paraphrase/layer-1.npy"
    whole = sha256_of(layer)
    flip(layer)
    shutil.rmtree(run / "results/tiny/scores/sts")
    assert starbench(run, "evaluate", "model", *STS) == 2
    assert f"remove {root / 'manifest.json'} and run again" in capsys.readouterr().err
    (root / "manifest.json").unlink()
    assert starbench(run, "embed", *STS) == 0
    assert sha256_of(layer) == whole
    assert starbench(run, "evaluate", "model", *STS) == 0


@pytest.mark.parametrize("content", ["", "[]", "{", "{}", '{"stage": "embed", "files": [1]}'])
def test_a_garbage_manifest_is_one_line(run, capsys, content):
    path = run / f"results/tiny/embeddings/sts/{MODEL}/paraphrase/manifest.json"
    path.write_text(content)
    assert starbench(run, "evaluate", "model", *STS) == 2
    said = capsys.readouterr().err.splitlines()
    assert [line for line in said if line.startswith(f"error: {path} is damaged")]


def test_a_run_without_sizes_and_times_in_its_manifests_is_read_and_not_made_anew(run):
    """As the manifests of older versions are; their bytes are checked all the same."""
    root = run / "results/tiny"
    for path in root.rglob("manifest.json"):
        manifest = json.loads(path.read_text())
        for key in ("stat", "checks", "cpu_s"):
            manifest.pop(key, None)
        path.write_text(json.dumps(manifest))
    (root / "scores.csv.sha256").unlink()
    layer = root / f"embeddings/sts/{MODEL}/paraphrase/layer-1.npy"
    before = layer.stat().st_mtime_ns
    assert starbench(run, "embed", *STS) == 0
    assert layer.stat().st_mtime_ns == before
    scores = (root / "scores.csv").read_bytes()
    for command in (
        ["evaluate", "model", *STS],
        ["evaluate", "model", *RETRIEVAL],
        ["evaluate", "collect"],
    ):
        assert starbench(run, *command) == 0
    assert (root / "scores.csv").read_bytes() == scores


def test_checks_take_a_small_part_of_the_processor_time(by_commands):
    """All commands ran in this process, whose counts go on: the largest are those of them all."""
    manifests = [json.loads(p.read_text()) for p in by_commands.rglob("manifest.json")]
    checks = max(manifest["checks"]["cpu_s"] for manifest in manifests)
    assert max(manifest["checks"]["files"] for manifest in manifests)
    assert checks < 0.03 * max(manifest["cpu_s"] for manifest in manifests)
