"""What one stage has made and another one finds damaged, of every kind, at every stage that reads."""

import numpy as np
import pyarrow as pa

from tests.trials.damage import (
    BACKBONE,
    DATA,
    RANKED,
    ROOT,
    SCORED,
    SEARCHED,
    TRAINED,
    VECTORS,
    array,
    arrow,
    collected,
    cut,
    damaged,
    flipped,
    manifest,
    rewritten,
    text,
    unpacked,
)
from tests.trials.running import CONFIG, RETRIEVAL, SEED, STS, Row

FIRST = f"pretrain {CONFIG} --backbone base {SEED}"
PRETRAIN = f"pretrain {CONFIG} --backbone base-smae {SEED}"
SHARD = "--dataset library --shard 1"
COLLECT, COMPARE = f"evaluate collect {CONFIG}", f"evaluate compare {CONFIG}"
REPORT = f"report {CONFIG} --threads 1"
AGAIN = r".*remove .*manifest\.json.*"


def is_damaged(folder: str, what: str = ".*") -> str:
    return (
        rf"error: {folder}/manifest\.json is damaged: {what}; remove it, and the stage is run again"
    )


# fmt: off
MANIFESTS = [
    Row("manifest: empty, of texts", FIRST, is_damaged(f"{DATA}/stories"), damaged(f"{DATA}/stories/manifest.json", b"", "pretrain")),
    Row("manifest: binary, of a backbone", f"finetune {STS}", is_damaged(BACKBONE), damaged(f"{BACKBONE}/manifest.json", b"\xff\0\x80", "finetune")),
    Row("manifest: null, of training data", f"finetune {STS}", is_damaged(f"{DATA}/entailments", "no mapping of keys"), damaged(f"{DATA}/entailments/manifest.json", b"null", "finetune")),
    Row("manifest: cut, of a model", f"embed {STS}", is_damaged(TRAINED, "no JSON .*"), damaged(f"{TRAINED}/manifest.json", cut, "embed"), both_ways=True),
    Row("manifest: nested deep, of a model", f"embed {STS}", is_damaged(TRAINED, "no JSON .*"), damaged(f"{TRAINED}/manifest.json", b"[" * 100_000, "embed")),
    Row("manifest: without keys, of a model", f"embed {STS}", is_damaged(TRAINED, "it has no '.*'"), damaged(f"{TRAINED}/manifest.json", b"{}", "embed")),
    Row("manifest: of another stage", f"embed {STS}", rf"error: {TRAINED}/manifest\.json is of stage 'data', expected 'finetune'.*", manifest(TRAINED, lambda m: m.update(stage="data"), "embed")),
    Row("manifest: its stage is a number", f"embed {STS}", is_damaged(TRAINED, "its 'stage' is 5"), manifest(TRAINED, lambda m: m.update(stage=5), "embed")),
    Row("manifest: its files are a list", f"embed {STS}", is_damaged(TRAINED, "its 'files' is .*"), manifest(TRAINED, lambda m: m.update(files=["a"]), "embed")),
    Row("manifest: a file's hash is a number", f"embed {STS}", is_damaged(TRAINED, "the entry 'model/config\\.json' of its 'files'"), manifest(TRAINED, lambda m: m["files"].update({"model/config.json": 5}), "embed")),
    Row("manifest: a file's size is a text", f"embed {STS}", is_damaged(TRAINED, ".*stat.*"), manifest(TRAINED, lambda m: m["stat"]["model/config.json"].update(size="12"), "embed")),
    Row("manifest: lists a file that is not there", f"embed {STS}", rf"error: {TRAINED}/model/more\.bin is missing: {AGAIN}", manifest(TRAINED, lambda m: m["files"].update({"model/more.bin": "0" * 64}), "embed")),
    Row("manifest: lists a file outside", f"embed {STS}", is_damaged(TRAINED, r"the entry '\.\./.*' of its 'files'"), manifest(TRAINED, lambda m: m["files"].update({"../../../../../../etc/passwd": "0" * 64}), "embed")),
    Row("manifest: lists no weights", f"embed {STS}", rf"error: {TRAINED}.*model\.safetensors.*", manifest(TRAINED, lambda m: m["files"].pop("model/model.safetensors"), "embed")),
    Row("manifest: lists nothing", f"embed {STS}", rf"error: {TRAINED}.*", manifest(TRAINED, lambda m: m.update(files={}), "embed")),
    Row("manifest: garbage, of scored data", f"embed {STS}", is_damaged(f"{DATA}/paraphrase"), damaged(f"{DATA}/paraphrase/manifest.json", b"{", "embed")),
    Row("manifest: of another model's embeddings", f"evaluate model {STS}", rf"error: {VECTORS} holds embeddings of another model, dataset or config: remove it and embed again", manifest(VECTORS, lambda m: m.update(identity="0" * 64), "evaluate")),
    Row("manifest: garbage, of embeddings", f"evaluate model {STS}", is_damaged(VECTORS), damaged(f"{VECTORS}/manifest.json", b"embeddings", "evaluate")),
    Row("manifest: no number of texts", f"evaluate model {STS}", is_damaged(VECTORS, "it has no 'texts'"), manifest(VECTORS, lambda m: m.pop("texts"), "evaluate")),
    Row("manifest: fewer than no texts", f"evaluate model {STS}", rf"error: {VECTORS}.*texts.*", manifest(VECTORS, lambda m: m.update(texts=-3), "evaluate")),
    Row("manifest: true texts", f"evaluate model {STS}", rf"error: {VECTORS}.*texts.*", manifest(VECTORS, lambda m: m.update(texts=True), "evaluate")),
    Row("manifest: another number of texts", f"evaluate model {STS}", rf"error: {VECTORS}.*texts.*", manifest(VECTORS, lambda m: m.update(texts=3), "evaluate")),
    Row("manifest: no format of the vectors", f"evaluate model {RETRIEVAL}", rf"error: {ROOT}/embeddings/retrieval/starbucks/seed-42/library/queries/manifest\.json is damaged: .*", manifest(f"{ROOT}/embeddings/retrieval/starbucks/seed-42/library/queries", lambda m: m.pop("dtype"), "evaluate"), keeps=r"results/tiny/s.*"),
    Row("manifest: of another search", f"evaluate model {RETRIEVAL}", rf"error: {SEARCHED} holds a search of other embeddings or with another config: remove it and search again", manifest(SEARCHED, lambda m: m.update(identity="0" * 64), "evaluate")),
    Row("manifest: garbage, of scores", COLLECT, is_damaged(SCORED), damaged(f"{SCORED}/manifest.json", b"0")),
    Row("manifest: lists no scores", COLLECT, rf"error: {SCORED}/manifest\.json does not list scores\.csv: {AGAIN}", manifest(SCORED, lambda m: m["files"].pop("scores.csv"))),
    Row("manifest: lists no similarities", COMPARE, rf"error: {SCORED}/manifest\.json does not list similarities\.npy: {AGAIN}", manifest(SCORED, lambda m: m["files"].pop("similarities.npy"))),
    Row("manifest: empty, of a trained model, for the report", REPORT, is_damaged(TRAINED), damaged(f"{TRAINED}/manifest.json", b"")),
    Row("manifest: seconds that are a text", REPORT, is_damaged(TRAINED, "its 'wall_s' is '5'"), manifest(TRAINED, lambda m: m.update(wall_s="5"))),
    Row("manifest: seconds that are none", REPORT, is_damaged(TRAINED, ".*wall_s.*"), manifest(TRAINED, lambda m: m.pop("wall_s"))),
    Row("manifest: no count of steps", REPORT, is_damaged(TRAINED, ".*steps.*"), manifest(TRAINED, lambda m: (m.update(skipped_steps=1), m.pop("steps")))),
    Row("manifest: skipped steps in words", REPORT, is_damaged(TRAINED, ".*skipped_steps.*"), manifest(TRAINED, lambda m: m.update(skipped_steps="some"))),
    Row("manifest: constant cells that are numbers", REPORT, is_damaged(SCORED, ".*constant.*"), manifest(SCORED, lambda m: m.update(constant=[5]))),
    Row("manifest: titles without counts", REPORT, is_damaged(f"{DATA}/library", ".*titles.*"), manifest(f"{DATA}/library", lambda m: m.update(titles={"titled": 3}))),
    Row("manifest: titles of no passages", REPORT, is_damaged(f"{DATA}/library", ".*titles.*"), manifest(f"{DATA}/library", lambda m: m.update(titles={"titled": 0, "passages": 0}))),
    Row("manifest: odd things that are a text", REPORT, is_damaged(f"{DATA}/library", ".*findings.*"), manifest(f"{DATA}/library", lambda m: m.update(findings="many"))),
    Row("manifest: hardware that is a text", REPORT, is_damaged(TRAINED, ".*hardware.*"), manifest(TRAINED, lambda m: m.update(hardware="a laptop"))),
    Row("manifest: a version of git that is a number", REPORT, is_damaged(TRAINED, ".*git.*"), manifest(TRAINED, lambda m: m.update(git=7))),
]

NPY = f"{VECTORS}/layer-1.npy"
ARRAYS = [
    Row("array: flipped", f"evaluate model {STS}", rf"error: {NPY} has other bytes .*: {AGAIN}", damaged(NPY, flipped, "evaluate"), both_ways=True),
    Row("array: cut", f"evaluate model {STS}", rf"error: {NPY} has \d+ bytes, not \d+ as recorded: {AGAIN}", damaged(NPY, cut, "evaluate")),
    Row("array: empty", f"evaluate model {STS}", rf"error: {NPY} has 0 bytes, .*: {AGAIN}", damaged(NPY, b"", "evaluate")),
    Row("array: garbage that is vouched for", f"evaluate model {STS}", rf"error: {NPY} is not an array in NumPy's format .*", rewritten(NPY, b"garbage", "evaluate")),
    Row("array: cut and vouched for", f"evaluate model {STS}", rf"error: {NPY} is not an array in NumPy's format .*", rewritten(NPY, cut, "evaluate")),
    Row("array: of objects", f"evaluate model {STS}", rf"error: {NPY} is not an array in NumPy's format .*", array(NPY, lambda a: a.astype(object), "evaluate")),
    Row("array: of whole numbers", f"evaluate model {STS}", rf"error: {NPY} .*int64.*", array(NPY, lambda a: a.astype("int64"), "evaluate")),
    Row("array: of double precision", f"evaluate model {STS}", rf"error: {NPY} .*float64.*", array(NPY, lambda a: a.astype("float64"), "evaluate")),
    Row("array: of texts", f"evaluate model {STS}", rf"error: {NPY} .*", array(NPY, lambda a: a.astype("U8"), "evaluate")),
    Row("array: of fewer rows", f"evaluate model {STS}", rf"error: {NPY} has \d+ rows for \d+ texts.*", array(NPY, lambda a: a[:5], "evaluate")),
    Row("array: narrower", f"evaluate model {STS}", rf"error: {NPY} holds 4 dimensions, not 8.*", array(NPY, lambda a: a[:, :4], "evaluate")),
    Row("array: of one axis", f"evaluate model {STS}", rf"error: {NPY} .*", array(NPY, lambda a: a.ravel(), "evaluate")),
    Row("array: of three axes", f"evaluate model {STS}", rf"error: {NPY} .*", array(NPY, lambda a: a[:, :, None], "evaluate")),
    Row("array: a single number", f"evaluate model {STS}", rf"error: {NPY} .*", array(NPY, lambda a: a[0, 0], "evaluate")),
    Row("array: with a number that is none", f"evaluate model {STS}", rf"error: {NPY} .*finite.*", array(NPY, lambda a: np.where(a == a.max(), np.nan, a), "evaluate")),
    Row("array: infinite", f"evaluate model {STS}", rf"error: {NPY} .*finite.*", array(NPY, lambda a: np.where(a == a.max(), np.inf, a), "evaluate")),
    Row("array: infinite, of passages", f"evaluate shard {RETRIEVAL} {SHARD}", rf"error: {ROOT}/embeddings/retrieval/.*layer-2\.npy .*finite.*", array(f"{ROOT}/embeddings/retrieval/starbucks/seed-42/library/passages-1/layer-2.npy", lambda a: np.where(a == a.max(), np.inf, a), "search")),
    Row("array: of passages, cut", f"evaluate shard {RETRIEVAL} {SHARD}", rf"error: {ROOT}/embeddings/retrieval/.*layer-2\.npy has .* bytes.*: {AGAIN}", damaged(f"{ROOT}/embeddings/retrieval/starbucks/seed-42/library/passages-1/layer-2.npy", cut, "search")),
    Row("array: found rows that are garbage", f"evaluate model {RETRIEVAL}", rf"error: {SEARCHED}/rows\.npy is not an array in NumPy's format .*", rewritten(f"{SEARCHED}/rows.npy", b"x", "evaluate")),
    Row("array: found rows of fewer cells", f"evaluate model {RETRIEVAL}", rf"error: {SEARCHED}/rows\.npy .*", array(f"{SEARCHED}/rows.npy", lambda a: a[:1], "evaluate")),
    Row("array: found rows beyond the passages", f"evaluate model {RETRIEVAL}", rf"error: {SEARCHED}/rows\.npy .*", array(f"{SEARCHED}/rows.npy", lambda a: a + 1000, "evaluate")),
    Row("array: found rows that are fractions", f"evaluate model {RETRIEVAL}", rf"error: {SEARCHED}/rows\.npy .*", array(f"{SEARCHED}/rows.npy", lambda a: a + 0.5, "evaluate")),
    Row("array: found scores that are none", f"evaluate model {RETRIEVAL}", rf"error: {SEARCHED}/scores\.npy .*finite.*", array(f"{SEARCHED}/scores.npy", lambda a: a * np.nan, "evaluate")),
    Row("array: found scores of fewer queries", f"evaluate model {RETRIEVAL}", rf"error: {SEARCHED}/scores\.npy .*", array(f"{SEARCHED}/scores.npy", lambda a: a[:, :2], "evaluate")),
    Row("array: similarities of fewer cells", COMPARE, rf"error: {SCORED}/similarities\.npy .*", array(f"{SCORED}/similarities.npy", lambda a: a[:2])),
    Row("array: similarities of fewer pairs", COMPARE, rf"error: {SCORED}/similarities\.npy .*", array(f"{SCORED}/similarities.npy", lambda a: a[:, :7])),
    Row("array: similarities of one axis", COMPARE, rf"error: {SCORED}/similarities\.npy .*", array(f"{SCORED}/similarities.npy", lambda a: a.ravel())),
    Row("array: similarities beyond 1", COMPARE, rf"error: {SCORED}/similarities\.npy .*", array(f"{SCORED}/similarities.npy", lambda a: a * 5)),
    Row("array: similarities that are none", COMPARE, rf"error: {SCORED}/similarities\.npy .*", array(f"{SCORED}/similarities.npy", lambda a: a * np.nan)),
    Row("array: similarities that are garbage", COMPARE, rf"error: {SCORED}/similarities\.npy is not an array in NumPy's format .*", rewritten(f"{SCORED}/similarities.npy", b"garbage")),
]

PAIRS, TEXTS = f"{DATA}/paraphrase/records.arrow", f"{DATA}/stories/records.arrow"
RECORDS = [
    Row("records: flipped", f"embed {STS}", rf"error: {PAIRS} has other bytes .*: {AGAIN}", damaged(PAIRS, flipped, "embed")),
    Row("records: cut", f"embed {STS}", rf"error: {PAIRS} has \d+ bytes, not \d+ as recorded: {AGAIN}", damaged(PAIRS, cut, "embed")),
    Row("records: cut and vouched for", f"embed {STS}", rf"error: {PAIRS} .*", rewritten(PAIRS, cut, "embed")),
    Row("records: garbage that is vouched for", f"embed {STS}", rf"error: {PAIRS} .*", rewritten(PAIRS, b"garbage", "embed")),
    Row("records: empty and vouched for", f"embed {STS}", rf"error: {PAIRS} .*", rewritten(PAIRS, b"", "embed")),
    Row("records: without a column", f"embed {STS}", rf"error: {PAIRS}.*sentence2.*", arrow(PAIRS, lambda t: t.drop_columns("sentence2"), "embed")),
    Row("records: a column of numbers", f"embed {STS}", rf"error: {PAIRS}.*sentence1.*", arrow(PAIRS, lambda t: t.set_column(0, "sentence1", pa.array(range(len(t)))), "embed")),
    Row("records: a score that is a text", COMPARE, rf"error: {PAIRS}.*score.*", arrow(PAIRS, lambda t: t.set_column(2, "score", pa.array(["high"] * len(t))))),
    Row("records: texts without the column", FIRST, rf"error: {TEXTS}.*text.*", arrow(TEXTS, lambda t: t.rename_columns(["words"]), "pretrain")),
    Row("records: texts cut and vouched for", FIRST, rf"error: {TEXTS} .*", rewritten(TEXTS, cut, "pretrain")),
    Row("records: no rows", f"finetune {STS}", rf"error: {DATA}/entailments/records\.arrow holds no records: {AGAIN}", arrow(f"{DATA}/entailments/records.arrow", lambda t: t.slice(0, 0), "finetune")),
    Row("records: triplets with another column", f"finetune {STS}", rf"error: {DATA}/entailments/records\.arrow.*negative.*", arrow(f"{DATA}/entailments/records.arrow", lambda t: t.drop_columns("negative"), "finetune")),
    Row("records: training queries without passages", f"finetune {RETRIEVAL}", rf"error: {DATA}/questions/records\.arrow.*positive_passages.*", arrow(f"{DATA}/questions/records.arrow", lambda t: t.drop_columns("positive_passages"), "finetune")),
    Row("records: passages without ids", f"embed {RETRIEVAL} {SHARD}", rf"error: {DATA}/library/passages\.arrow.*id.*", arrow(f"{DATA}/library/passages.arrow", lambda t: t.drop_columns("id"), "embed")),
    Row("records: judgements that are texts", f"evaluate bm25 {CONFIG} --track retrieval", rf"error: {DATA}/library/qrels\.arrow.*relevance.*", arrow(f"{DATA}/library/qrels.arrow", lambda t: t.set_column(2, "relevance", pa.array(["yes"] * len(t))), "evaluate")),
    Row("records: queries cut, for BM25", f"evaluate bm25 {CONFIG} --track retrieval", rf"error: {DATA}/archive/queries\.arrow has \d+ bytes.*: {AGAIN}", damaged(f"{DATA}/archive/queries.arrow", cut, "evaluate"), keeps=rf"{ROOT}/scores/retrieval/bm25/library/.*"),
    Row("records: a file that is a folder", f"embed {STS}", rf"error: {PAIRS} .*", lambda place: (damaged(PAIRS, b"", "embed")(place), (place.folder / PAIRS).unlink(), (place.folder / PAIRS).mkdir())),
]

WEIGHTS = f"{TRAINED}/model/model.safetensors"
MODELS = [
    Row("model: weights flipped", f"embed {STS}", rf"error: {WEIGHTS} has other bytes .*: {AGAIN}", damaged(WEIGHTS, flipped, "embed")),
    Row("model: weights cut and vouched for", f"embed {STS}", rf"error: {TRAINED}/model.*", rewritten(WEIGHTS, cut, "embed")),
    Row("model: weights that are garbage", f"embed {STS}", rf"error: {TRAINED}/model.*", rewritten(WEIGHTS, b"garbage", "embed")),
    Row("model: a config that is garbage", f"embed {STS}", rf"error: {TRAINED}/model.*", rewritten(f"{TRAINED}/model/config.json", b"{", "embed")),
    Row("model: a config without a type", f"embed {STS}", rf"error: {TRAINED}/model.*", rewritten(f"{TRAINED}/model/config.json", b"{}", "embed")),
    Row("model: a config of more layers", f"embed {STS}", rf"error: {TRAINED}/model.*", text(f"{TRAINED}/model/config.json", '"num_hidden_layers": 2', '"num_hidden_layers": 3', "embed")),
    Row("model: a config of another width", f"embed {STS}", rf"error: {TRAINED}/model.*", text(f"{TRAINED}/model/config.json", '"hidden_size": 16', '"hidden_size": 32', "embed")),
    Row("model: modules that are garbage", f"embed {STS}", rf"error: {TRAINED}/model: modules\.json is not a list.*", rewritten(f"{TRAINED}/model/modules.json", b"{", "embed")),
    Row("model: modules that are none", f"embed {STS}", rf"error: {TRAINED}/model.*", rewritten(f"{TRAINED}/model/modules.json", b"[]", "embed")),
    Row("model: modules that are numbers", f"embed {STS}", rf"error: {TRAINED}/model: modules\.json is not a list.*", rewritten(f"{TRAINED}/model/modules.json", b"[1, 2]", "embed")),
    Row("model: a pooling that is unknown", f"embed {STS}", rf"error: {TRAINED}/model: the model cannot be loaded \(Invalid pooling mode: 'most'.*", text(f"{TRAINED}/model/1_Pooling/config.json", '"mean"', '"most"', "embed")),
    Row("model: no pooling", f"embed {STS}", rf"error: {TRAINED}/model: the model cannot be loaded \(Pooling.*", rewritten(f"{TRAINED}/model/1_Pooling/config.json", b"{}", "embed")),
    Row("model: a tokenizer that is garbage", f"embed {STS}", rf"error: {TRAINED}/model.*", rewritten(f"{TRAINED}/model/tokenizer.json", b"[]", "embed")),
    Row("backbone: weights flipped", f"finetune {STS}", rf"error: {BACKBONE}/model\.safetensors has other bytes .*: {AGAIN}", damaged(f"{BACKBONE}/model.safetensors", flipped, "finetune")),
    Row("backbone: weights cut and vouched for", f"finetune {STS}", rf"error: .*{BACKBONE}.*", rewritten(f"{BACKBONE}/model.safetensors", cut, "finetune")),
    Row("backbone: a config that is garbage", f"finetune {STS}", rf"error: .*{BACKBONE}.*", rewritten(f"{BACKBONE}/config.json", b"nothing", "finetune")),
    Row("backbone: a config of fewer layers", f"finetune {STS}", rf"error: size n2-d16: backbone {BACKBONE} has 1 layers, not 2.*", text(f"{BACKBONE}/config.json", '"num_hidden_layers": 2', '"num_hidden_layers": 1', "finetune")),
    Row("backbone: a tokenizer that is garbage", f"finetune {STS}", rf"error: .*{BACKBONE}.*", rewritten(f"{BACKBONE}/tokenizer.json", b"{}", "finetune")),
    Row("backbone: garbage weights to start from", PRETRAIN, rf"error: .*{ROOT}/backbones/base/seed-42.*", rewritten(f"{ROOT}/backbones/base/seed-42/model.safetensors", b"\0" * 99, "pretrain")),
    Row("backbone: a config of another model to start from", PRETRAIN, rf"error: {ROOT}/backbones/base/seed-42: pre-training takes models of type 'bert', .*this is a 'electra'.*", text(f"{ROOT}/backbones/base/seed-42/config.json", '"model_type": "bert"', '"model_type": "electra"', "pretrain")),
]

QUERIES = f"{RANKED}/queries.csv.gz"
PART = f"{SCORED}/scores.csv"
TABLES = [
    Row("part: cut within a line", COLLECT, rf"error: {PART}:\d+: the file ends within a line: it was cut.*", rewritten(PART, lambda whole: whole[:-7])),
    Row("part: empty", COLLECT, rf"error: {PART}:1: the columns are not .*", rewritten(PART, b"")),
    Row("part: of other columns", COLLECT, rf"error: {PART}:1: the columns are not .*", text(PART, "metric", "measure")),
    Row("part: binary", COLLECT, rf"error: {PART}: not in UTF-8 .*", rewritten(PART, b"\xff\xfe\0")),
    Row("part: missing", COLLECT, rf"error: {PART} is missing: {AGAIN}", lambda place: (place.folder / PART).unlink()),
    Row("part: flipped", COLLECT, rf"error: {PART} has other bytes .*: {AGAIN}", damaged(PART, flipped)),
    Row("queries: cut", COMPARE, rf"error: {QUERIES} has \d+ bytes, not \d+ as recorded: {AGAIN}", damaged(QUERIES, cut)),
    Row("queries: cut and vouched for", COMPARE, rf"error: {QUERIES}.*", rewritten(QUERIES, cut)),
    Row("queries: not packed", COMPARE, rf"error: {QUERIES}.*", rewritten(QUERIES, b"layers,dim,query\n")),
    Row("queries: empty", COMPARE, rf"error: {QUERIES}.*", rewritten(QUERIES, b"")),
    Row("queries: without the metric", COMPARE, rf"error: {QUERIES}.*RR@10.*", unpacked(QUERIES, lambda t: t.replace("RR@10", "MRR", 1))),
    Row("queries: words for numbers", COMPARE, rf"error: {QUERIES}.*", unpacked(QUERIES, lambda t: t.replace("1.0", "one").replace("0.0", "nil").replace("0.5", "half").replace("0.2", "fifth").replace("0.1", "tenth").replace("0.3", "third"))),
    Row("queries: a cell without its rows", COMPARE, rf"error: {QUERIES}.*", unpacked(QUERIES, lambda t: "\n".join(line for line in t.splitlines() if not line.startswith("2,16,")) + "\n")),
    Row("queries: one row less", COMPARE, rf"error: {QUERIES}.*", unpacked(QUERIES, lambda t: "\n".join(t.splitlines()[:-1]) + "\n")),
    Row("scores: none", REPORT, rf"error: no scores at {ROOT}/scores\.csv.*", lambda place: ((place.root / "scores.csv").unlink(), (place.root / "scores.csv.sha256").unlink())),
    Row("scores: other bytes than recorded", REPORT, rf"error: {ROOT}/scores\.csv has other bytes .*", collected("scores.csv", lambda lines: lines[:-1], checked=True)),
    Row("scores: a header alone", REPORT, rf"error: {ROOT}/scores\.csv: holds no scores, .*", collected("scores.csv", lambda lines: lines[:1])),
    Row("scores: nothing", REPORT, rf"error: {ROOT}/scores\.csv:1: no column 'system'.*", collected("scores.csv", lambda lines: [])),
    Row("scores: a missing column", REPORT, rf"error: {ROOT}/scores\.csv:1: no column 'value'.*", collected("scores.csv", lambda lines: [lines[0].replace("value", "valu"), *lines[1:]])),
    Row("scores: a column too many", REPORT, rf"error: {ROOT}/scores\.csv:1: the columns are not .*", collected("scores.csv", lambda lines: [f"{line},x" for line in lines])),
    Row("scores: a text for a number", REPORT, rf"error: {ROOT}/scores\.csv:3: 'high' is not a score between -1 and 1.*", collected("scores.csv", lambda lines: [*lines[:2], _with(lines[2], -3, "high"), *lines[3:]])),
    Row("scores: a number beyond 1", REPORT, rf"error: {ROOT}/scores\.csv:2: '1\.5' is not a score between -1 and 1.*", collected("scores.csv", lambda lines: [lines[0], _with(lines[1], -3, "1.5"), *lines[2:]])),
    Row("scores: infinite", REPORT, rf"error: {ROOT}/scores\.csv:2: 'inf' is not a score between -1 and 1.*", collected("scores.csv", lambda lines: [lines[0], _with(lines[1], -3, "inf"), *lines[2:]])),
    Row("scores: negative queries", REPORT, rf"error: {ROOT}/scores\.csv:2: '-4' is not a number of queries.*", collected("scores.csv", lambda lines: [lines[0], _with(lines[1], -2, "-4"), *lines[2:]])),
    Row("scores: a short row", REPORT, rf"error: {ROOT}/scores\.csv:2: \d+ values for 11 columns.*", collected("scores.csv", lambda lines: [lines[0], lines[1].rsplit(",", 2)[0], *lines[2:]])),
    Row("scores: an open quote", REPORT, rf"error: {ROOT}/scores\.csv.*", collected("scores.csv", lambda lines: [lines[0], '"' + lines[1], *lines[2:]])),
    Row("scores: no such system", REPORT, rf"error: {ROOT}/scores\.csv:2: no system 'starbuck' \(did you mean 'starbucks'\?\)", collected("scores.csv", lambda lines: [lines[0], _with(lines[1], 0, "starbuck"), *lines[2:]])),
    Row("scores: no such seed", REPORT, rf"error: {ROOT}/scores\.csv:2: no seed '43'.*", collected("scores.csv", lambda lines: [lines[0], _with(lines[1], 1, "43"), *lines[2:]])),
    Row("scores: no such cell", REPORT, rf"error: {ROOT}/scores\.csv:2: layers '9', .* is not a cell of the config's grid.*", collected("scores.csv", lambda lines: [lines[0], _with(lines[1], 2, "9"), *lines[2:]])),
    Row("scores: a row twice", REPORT, rf"error: {ROOT}/scores\.csv:\d+: this score appears twice: .*", collected("scores.csv", lambda lines: [*lines, lines[1]])),
    Row("scores: binary", REPORT, rf"error: {ROOT}/scores\.csv: not a CSV file in UTF-8 .*", lambda place: (collected("scores.csv", lambda lines: lines)(place), (place.root / "scores.csv").write_bytes(b"\xff\xfe\0"))),
    Row("scores: a folder", REPORT, rf"error: .*{ROOT}/scores\.csv.*", lambda place: (collected("scores.csv", lambda lines: lines)(place), (place.root / "scores.csv").unlink(), (place.root / "scores.csv").mkdir())),
    Row("scores: shown, with a text for a number", f"report {CONFIG} --show", rf"error: {ROOT}/scores\.csv:3: 'high' is not a score between -1 and 1.*", collected("scores.csv", lambda lines: [*lines[:2], _with(lines[2], -3, "high"), *lines[3:]])),
    Row("tests: a probability beyond 1", REPORT, rf"error: {ROOT}/significance\.csv:2: p .*", collected("significance.csv", lambda lines: [lines[0], _with(lines[1], 11, "1.5"), *lines[2:]])),
    Row("tests: words for a probability", REPORT, rf"error: {ROOT}/significance\.csv:2: p 'small' is not a number.*", collected("significance.csv", lambda lines: [lines[0], _with(lines[1], 11, "small"), *lines[2:]])),
    Row("tests: no such test", REPORT, rf"error: {ROOT}/significance\.csv:2: no test 'bootstraps' .*", collected("significance.csv", lambda lines: [lines[0], _with(lines[1], 10, "bootstraps"), *lines[2:]])),
    Row("adaptive: negative work", REPORT, rf"error: {ROOT}/adaptive\.csv:2: multiply_adds '-5' is not a whole number.*", collected("adaptive.csv", lambda lines: [lines[0], _with(lines[1], 8, "-5"), *lines[2:]])),
    Row("adaptive: work of nothing", REPORT, rf"error: {ROOT}/adaptive\.csv:2: exact_multiply_adds .*", collected("adaptive.csv", lambda lines: [lines[0], *(_with(line, 9, "0") for line in lines[1:])])),
    Row("leakage: words for numbers", REPORT, rf"error: {ROOT}/leakage\.csv:2: .*'some'.*", collected("leakage.csv", lambda lines: [lines[0], _with(lines[1], 4, "some"), *lines[2:]])),
    Row("leakage: other columns", REPORT, rf"error: {ROOT}/leakage\.csv:1: .*", collected("leakage.csv", lambda lines: ["a,b", *lines[1:]])),
    Row("leakage: binary", REPORT, rf"error: {ROOT}/leakage\.csv.*", lambda place: (place.root / "leakage.csv").write_bytes(b"\xff\xfe\0\x80")),
    Row("leakage: empty", REPORT, rf"error: {ROOT}/leakage\.csv.*", lambda place: (place.root / "leakage.csv").write_bytes(b"")),
]
# fmt: on


def _with(line: str, place: int, value: str) -> str:
    fields = line.split(",")
    fields[place] = value
    return ",".join(fields)
