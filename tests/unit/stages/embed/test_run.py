"""Embeddings may be written on a node's own disk first: the same files, and nothing left there."""

import shutil
import signal
import subprocess
import sys

import pytest
from safetensors.torch import load_file, save_file

from starbench.config.config import Config
from starbench.config.reading import parse_config
from starbench.errors import InputError
from starbench.run.paths import RunPaths
from starbench.stages.data.checkpoints import fetch_checkpoint
from starbench.stages.data.fetch import fetch_dataset
from starbench.stages.embed.run import embed_texts
from starbench.stages.finetune.run import finetune_model
from starbench.store.manifest import Stage, read_manifest
from tests.unit.runs import tiny_value

MODEL = ("sts", "tiny-untouched", 1)


def config_of(checkpoint, scratch: str | None = None) -> Config:
    value = tiny_value(
        backbones={"tiny": {"checkpoint": {"name": str(checkpoint)}}},
        systems={"tiny-untouched": {"backbone": "tiny", "objective": "untouched"}},
        compute={"embed": {"scratch": scratch}},
    )
    value["tracks"]["sts"]["embedding"] = {"dtype": "float16"}
    return parse_config(value)


@pytest.fixture
def disk(tmp_path, monkeypatch):
    """A folder that stands for the node's own disk, named by a variable of the node."""
    folder = tmp_path / "disk"
    folder.mkdir()
    monkeypatch.setenv("NODE_DISK", str(folder))
    return folder


@pytest.fixture
def paths(tmp_path, tiny_checkpoint) -> RunPaths:
    """The results of a run up to its model."""
    config = config_of(tiny_checkpoint)
    made = RunPaths.of(config, tmp_path / "results")
    fetch_dataset(config, made, "test")
    fetch_checkpoint(config, made, "tiny")
    finetune_model(config, made, *MODEL)
    return made


def test_embeddings_are_the_same_and_the_disk_is_empty_afterwards(paths, disk, tiny_checkpoint):
    embed_texts(config_of(tiny_checkpoint), paths, *MODEL)
    folder = paths.embeddings(*MODEL) / "test"
    straight = read_manifest(folder)["files"]
    shutil.rmtree(folder)
    embed_texts(config_of(tiny_checkpoint, "$NODE_DISK"), paths, *MODEL)
    assert read_manifest(folder)["files"] == straight
    assert {path.name for path in folder.iterdir()} == {*straight, "manifest.json"}
    assert list(disk.iterdir()) == []


def test_a_failure_leaves_nothing_on_the_disk_nor_half_a_result(paths, disk, tiny_checkpoint):
    (saved,) = paths.model(*MODEL).rglob("model.safetensors")
    weights = load_file(saved)
    (norm,) = [name for name in weights if name.endswith("layer.3.output.LayerNorm.weight")]
    weights[norm] = weights[norm] * 1e7  # beyond what float16 holds
    save_file(weights, saved, metadata={"format": "pt"})
    model = paths.model(*MODEL)
    Stage("finetune", 1, {}, inputs=[]).finish(model, list(read_manifest(model)["files"]))
    with pytest.raises(InputError, match="not finite in float16"):
        embed_texts(config_of(tiny_checkpoint, "$NODE_DISK"), paths, *MODEL)
    assert list(disk.iterdir()) == []
    assert list((paths.embeddings(*MODEL) / "test").iterdir()) == []


def test_a_folder_that_the_node_lacks_is_named(paths, disk, tiny_checkpoint):
    with pytest.raises(InputError, match=r"embed\.scratch: \$NO_DISK: the variable is not set on"):
        embed_texts(config_of(tiny_checkpoint, "$NO_DISK"), paths, *MODEL)
    with pytest.raises(InputError, match=r"there is no folder .*disk/nowhere on"):
        embed_texts(config_of(tiny_checkpoint, "$NODE_DISK/nowhere"), paths, *MODEL)


def test_a_cancelled_job_leaves_nothing_on_the_disk(disk):
    code = (
        "import time; from starbench.machine.files import scratch_folder\n"
        "with scratch_folder('$NODE_DISK', 'key') as folder:\n"
        "    (folder / 'half').write_text('x'); print(folder, flush=True); time.sleep(60)"
    )
    running = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert running.stdout.readline().strip().startswith(str(disk))
    assert len(list(disk.iterdir())) == 1
    running.send_signal(signal.SIGTERM)
    running.communicate(timeout=30)
    assert running.returncode == 128 + signal.SIGTERM
    assert list(disk.iterdir()) == []


def lengths_config(checkpoint, near=None, **embedding) -> Config:
    """A run that embeds two collections with the untouched model."""
    collection = {"kind": "collection", "source": "micro", "rows": 40, "queries": 5}
    value = tiny_value(
        datasets={"near": collection | (near or {}), "far": collection | {"seed": 3}},
        backbones={"tiny": {"checkpoint": {"name": str(checkpoint)}}},
        systems={"tiny-untouched": {"backbone": "tiny", "objective": "untouched"}},
    )
    finetuning = value["tracks"]["sts"]["finetuning"]
    embedding = {"max_length": 24, "query_max_length": 24} | embedding
    value["tracks"] = {
        "retrieval": {
            "tasks": ["near", "far"],
            "finetuning": finetuning,
            "embedding": embedding,
        }
    }
    return parse_config(value)


def test_a_collections_own_lengths_cut_its_texts_and_no_others(tmp_path, tiny_checkpoint):
    model = ("retrieval", "tiny-untouched", 1)
    plain = lengths_config(tiny_checkpoint)
    paths = RunPaths.of(plain, tmp_path / "results")
    for name in ("near", "far"):
        fetch_dataset(plain, paths, name)
    fetch_checkpoint(plain, paths, "tiny")
    finetune_model(plain, paths, *model)

    def vectors(config):
        embed_texts(config, paths, *model)
        folders = [
            f"{name}/{part}" for name in ("near", "far") for part in ("queries", "passages-1")
        ]
        root = paths.embeddings(*model)
        return {f: read_manifest(root / f)["files"]["layer-4.npy"] for f in folders}

    whole = vectors(plain)
    short = vectors(lengths_config(tiny_checkpoint, max_length=8, query_max_length=10))
    assert not set(whole.values()) & set(short.values())
    own = vectors(lengths_config(tiny_checkpoint, {"max_length": 8, "query_max_length": 10}))
    for folder, expected in own.items():
        assert expected == (short if folder.startswith("near") else whole)[folder]
