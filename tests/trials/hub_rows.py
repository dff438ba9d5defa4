"""A hub that fails, and repositories that are not what the config says: one line, what to do."""

import io
import json
import tempfile
from functools import cache
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from tests.hub.server import CUT, HubServer, serve, write_repository
from tests.trials.running import CONFIG, Place, Row

MINE = f"data {CONFIG} --dataset mine"
BASE = f"data {CONFIG} --checkpoint base"
ONLINE = {"HF_HUB_OFFLINE": "0"}
ARCHITECTURE = (
    "    architecture:\n      layers: 2\n      width: 16\n      heads: 2\n      intermediate: 32\n"
    "      max_positions: 64\n      vocabulary: 600\n"
)
PAIRS = {"sentence1": ["a", "b"], "sentence2": ["c", "d"], "score": [1.0, 2.0]}


@cache
def hub() -> HubServer:
    """The hub of all rows, and below its root their repositories."""
    return serve(Path(tempfile.mkdtemp(prefix="trials-hub-")))


def parquet(columns: dict) -> bytes:
    out = io.BytesIO()
    pq.write_table(pa.table(columns), out)
    return out.getvalue()


def dataset(name: str, files: dict | None, failures: dict | None = None, more: str = ""):
    """A dataset `mine` of pairs from a repository of its own, or from none."""

    def make(place: Place) -> None:
        old = "    seed: 2\n"
        new = f"{old}  mine:\n    kind: pairs\n    source: hub\n    name: trials/{name}\n{more}"
        place.edit((old, new))
        if files is not None:
            write_repository(hub().root, "datasets", f"trials/{name}", files)
        hub().failures.update({f"trials/{name}{path}": s for path, s in (failures or {}).items()})

    return make


def checkpoint(name: str, files: dict | None, failures: dict | None = None, revision: str = ""):
    def make(place: Place) -> None:
        new = f"    checkpoint:\n      name: trials/{name}\n{revision}"
        place.edit((ARCHITECTURE, new))
        if files is not None:
            write_repository(hub().root, "models", f"trials/{name}", files)
        hub().failures.update({f"trials/{name}{path}": s for path, s in (failures or {}).items()})

    return make


def of(
    name: str, message: str, *repository, command: str = MINE, told: str = "err", **options
) -> Row:
    key = name.replace(" ", "-").replace(",", "").replace("'", "")
    make = dataset(key, *repository, **options)
    return Row(
        f"hub: {name}",
        command,
        rf"error: {message.replace('<name>', f'trials/{key}')}",
        make,
        environment=ONLINE,
        told=told,
    )


def model(name: str, message: str, *repository, **options) -> Row:
    key = f"model-{name}".replace(" ", "-").replace(",", "")
    make = checkpoint(key, *repository, **options)
    return Row(
        f"hub model: {name}",
        BASE,
        rf"error: {message.replace('<name>', f'trials/{key}')}",
        make,
        environment=ONLINE,
    )


BERT = {
    "model_type": "bert",
    "num_hidden_layers": 2,
    "hidden_size": 16,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "vocab_size": 30,
}
FILES = "    revision: main\n    data_files: "


# fmt: off
HUB = [
    of("no such repository", r"cannot load hub dataset '<name>', revision 'main': .*", None),
    of("no such revision", r"cannot load hub dataset '<name>', revision 'v9': .*", {"test.jsonl": "{}\n"}, more="    revision: v9\n"),
    of("a repository without rights", r"cannot load hub dataset '<name>', revision 'main': .*401.*", {"test.jsonl": "{}\n"}, {"": 401}),
    of("a repository that is forbidden", r"cannot load hub dataset '<name>', revision 'main': .*403.*", {"test.jsonl": "{}\n"}, {"": 403}),
    of("a hub that fails", r"cannot load hub dataset '<name>', revision 'main': .*500.*", {"test.jsonl": "{}\n"}, {"": 500}),
    of("a repository without files", r"cannot load hub dataset '<name>', split 'train': .*", {"README.md": "nothing\n"}, told="any"),
    of("a loading script", r"cannot load hub dataset '<name>', split 'train': the repository has a loading script, .*`data_files`.*", {"a-loading-script.py": "import datasets\n"}),
    of("no such file", r"<name> at [0-9a-f]{40} has no file 'tests\.jsonl' \(did you mean 'test\.jsonl'\?\)", {"test.jsonl": "{}\n"}, more=f"{FILES}tests.jsonl\n"),
    of("a file of no format", r"<name>/test\.txt: the name tells no format that can be read: .*", {"test.txt": "a\n"}, more=f"{FILES}test.txt\n"),
    of("broken Parquet", r"<name>/test\.parquet: not a Parquet file \(.*\)", {"test.parquet": b"PAR1 garbage"}, more=f"{FILES}test.parquet\n"),
    of("cut Parquet", r"<name>/test\.parquet: not a Parquet file \(.*\)", {"test.parquet": parquet(PAIRS)[:100]}, more=f"{FILES}test.parquet\n"),
    of("damaged pages of Parquet", r".*<name>/test\.parquet.*", {"test.parquet": parquet(PAIRS)[:20] + b"\xff" * 40 + parquet(PAIRS)[60:]}, more=f"{FILES}test.parquet\n"),
    of("broken Parquet of a split", r"cannot load hub dataset '<name>', split 'train': .*", {"data/train-00000-of-00001.parquet": b"PAR1 garbage"}, told="any"),
    of("a missing column", r"<name>/test\.jsonl:1: no field 'score' in the record.*", {"test.jsonl": '{"sentence1": "a", "sentence2": "b"}\n'}, more=f"{FILES}test.jsonl\n"),
    of("no such column", r"<name>/test\.jsonl:1: no column 'label' \(did you mean 'labels'\?\): `columns` .*", {"test.jsonl": '{"sentence1": "a", "sentence2": "b", "labels": 1}\n'}, more=f"{FILES}test.jsonl\n    columns:\n      score: label\n"),
    of("a column of numbers", r"<name>/test\.parquet:1: field 'sentence1' is not a text: 1", {"test.parquet": parquet(PAIRS | {"sentence1": [1, 2]})}, more=f"{FILES}test.parquet\n"),
    of("scores in words", r"<name>/test\.csv:2: field 'score' is not a number: 'high'", {"test.csv": "sentence1,sentence2,score\na,b,high\n"}, more=f"{FILES}test.csv\n"),
    of("a short row", r"<name>/test\.csv:3: 2 fields, 3 columns in line 1", {"test.csv": "sentence1,sentence2,score\na,b,1\na,b\n"}, more=f"{FILES}test.csv\n"),
    of("an open quote", r"<name>/test\.csv:\d+: not a table \(.*\)", {"test.csv": 'sentence1,sentence2,score\n"a,b,1\n'}, more=f"{FILES}test.csv\n"),
    of("a table in Latin-1", r"<name>/test\.tsv:2: not UTF-8 text \(.*\)", {"test.tsv": b"sentence1\tsentence2\tscore\ncaf\xe9\tb\t1\n"}, more=f"{FILES}test.tsv\n"),
    of("a damaged gzip file", r"<name>/test\.jsonl\.gz:?\d*: the gzip file is damaged \(.*\)", {"test.jsonl.gz": b"\x1f\x8b\x08\0garbage"}, more=f"{FILES}test.jsonl.gz\n"),
    of("an empty file", r"dataset 'mine' has no records.*", {"test.jsonl": ""}, more=f"{FILES}test.jsonl\n"),
    of("a file that is gone", r"cannot load file <name>/test\.jsonl: .*404.*", {"test.jsonl": "{}\n"}, {"/resolve": 404}, more=f"{FILES}test.jsonl\n"),
    of("a file without rights", r"cannot load file <name>/test\.jsonl: .*403.*", {"test.jsonl": "{}\n"}, {"/resolve": 403}, more=f"{FILES}test.jsonl\n"),
    of("pinned while the hub fails", r"cannot load hub dataset '<name>', revision 'main': .*", {"test.jsonl": "{}\n"}, {"": 404}, command=f"data {CONFIG} --pin"),
    Row("hub: out of reach", MINE, r"error: cannot load hub dataset 'trials/offline', revision 'main' \(HF_HUB_OFFLINE is set\): .*", dataset("offline", None), environment={"HF_HUB_OFFLINE": "1"}),
    model("no such repository", r"cannot fetch checkpoint '<name>': .*", None),
    model("no such revision", r"cannot fetch checkpoint '<name>': .*", {"config.json": "{}"}, revision="      revision: v9\n"),
    model("without rights", r"cannot fetch checkpoint '<name>': .*401.*", {"config.json": "{}"}, {"": 401}),
    model("without weights", r"checkpoint <name> has no weights .*", {"config.json": json.dumps(BERT)}),
    model("without a config", r"checkpoint <name> has no config\.json.*", {"model.safetensors": b"x"}),
    model("a config that is garbage", r"checkpoint <name>: config\.json .*", {"config.json": "{", "model.safetensors": b"x"}),
    model("a config that is a list", r"checkpoint <name>.*config\.json.*", {"config.json": "[]", "model.safetensors": b"x"}),
    model("a config of layers in words", r"checkpoint <name>.*", {"config.json": json.dumps(BERT | {"num_hidden_layers": "two"}), "model.safetensors": b"x"}),
    model("fewer layers than asked", r"size n2-d16: checkpoint <name> has 1 layers, not 2.*", {"config.json": json.dumps(BERT | {"num_hidden_layers": 1}), "model.safetensors": b"x"}),
    model("weights that are garbage", r"checkpoint <name>.*", {"config.json": json.dumps(BERT), "model.safetensors": b"garbage"}),
    model("code of its own", r"checkpoint <name>: config\.json asks for code of its own .*", {"config.json": json.dumps(BERT | {"auto_map": {"AutoModel": "x.Y"}}), "model.safetensors": b"x"}),
    model("modules that are garbage", r"checkpoint <name>.*modules\.json.*", {"config.json": json.dumps(BERT), "modules.json": "{", "model.safetensors": b"x"}),
    model("modules that are numbers", r"checkpoint <name>.*modules\.json.*", {"config.json": json.dumps(BERT), "modules.json": "[1]", "model.safetensors": b"x"}),
    model("modules outside", r"checkpoint <name>: modules\.json names '\.\./x', which is not a folder beside it", {"config.json": json.dumps(BERT), "modules.json": json.dumps([{"type": "a.Transformer", "path": "../x"}]), "model.safetensors": b"x"}),
    model("a pickle that is none", r".*pytorch_model\.bin.*", {"config.json": json.dumps(BERT), "pytorch_model.bin": b"garbage"}),
    model("a file that is gone", r"cannot fetch checkpoint '<name>': .*", {"config.json": json.dumps(BERT), "model.safetensors": b"x"}, {"/resolve": 404}),
]
CUT_OFF = [
    of("a file that is cut on its way", r"cannot load file <name>/test\.jsonl: .*", {"test.jsonl": "{}\n" * 900}, {"/resolve": CUT}, more=f"{FILES}test.jsonl\n", told="any"),
]
# fmt: on
