"""Files of records and collections that are not what they should be: file, line, field."""

from __future__ import annotations

import gzip
import json

from tests.trials.running import CONFIG, Place, Row

PAIR = {"sentence1": "a cat sits", "sentence2": "a dog runs", "score": 2.5}
TRIPLET = {"anchor": "a", "positive": "b", "negative": "c"}
PASSAGES = [
    {"_id": "p1", "title": "One", "text": "red fox"},
    {"_id": "p2", "title": "", "text": "blue sea"},
]
QUERIES = [{"_id": "q1", "text": "red"}, {"_id": "q2", "text": "blue"}]
QRELS = "query-id\tcorpus-id\tscore\nq1\tp1\t1\nq2\tp2\t1\n"
KEPT = r"results/tiny/data/mine/.*"


def lines(*records: object) -> str:
    return "".join(f"{json.dumps(record)}\n" for record in records)


def source(kind: str, more: str = "") -> tuple[str, str]:
    """The config's dataset `mine`, of files below the data root."""
    old = "    seed: 2\n"
    return old, f"{old}  mine:\n    kind: {kind}\n    source: folder\n    name: mine\n{more}"


def of(kind: str, name: str, content: str | bytes, more: str = ""):
    """A dataset of one file."""

    def make(place: Place) -> None:
        place.edit(source(kind, more), ("title: A run for trials", "data_root: there"))
        (place.folder / "there").mkdir()
        place.write(f"there/{name}", content)

    return make


def beir(**files: str | bytes | None):
    """A BEIR folder in which files are others, or missing."""

    def make(place: Place) -> None:
        place.edit(source("collection"), ("title: A run for trials", "data_root: there"))
        usual = {
            "corpus.jsonl": lines(*PASSAGES),
            "queries.jsonl": lines(*QUERIES),
            "qrels/test.tsv": QRELS,
        }
        given = {
            name.replace("qrels", "qrels/test") + (".tsv" if name == "qrels" else ".jsonl"): content
            for name, content in files.items()
        }
        for name, content in (usual | given).items():
            if content is not None:
                place.write(f"there/mine/{name}", content)

    return make


def pairs(name: str, content: str | bytes, message: str, **more) -> Row:
    return Row(f"pairs: {name}", MINE, message, of("pairs", "mine/test.jsonl", content), **more)


def collection(name: str, message: str, **files) -> Row:
    return Row(f"collection: {name}", MINE, message, beir(**files))


MINE = f"data {CONFIG} --dataset mine"
FILE = r"there/mine/test\.jsonl"


# fmt: off
RECORDS = [
    pairs("empty", "", r"error: dataset 'mine' has no records.*"),
    pairs("blank lines", "\n\n  \n", r"error: dataset 'mine' has no records.*"),
    pairs("no JSON", lines(PAIR) + "{'a': 1}\n", rf"error: {FILE}:2: not JSON \(.*\)"),
    pairs("cut within a line", lines(PAIR) + json.dumps(PAIR)[:20], rf"error: {FILE}:2: not JSON \(.*\)"),
    pairs("a list for a record", "[1, 2]\n", rf"error: {FILE}:1: expected a JSON object, got list"),
    pairs("nested deep", lines(PAIR) + '{"a": ' + "[" * 100_000 + "\n", rf"error: {FILE}:2: .*nested.*"),
    pairs("a number of many digits", lines(PAIR) + '{"score": ' + "9" * 5000 + "}\n", rf"error: {FILE}:2: .*digits.*"),
    pairs("half a character", '{"sentence1": "\\ud800", "sentence2": "b", "score": 1}\n', rf"error: {FILE}:1: .*"),
    pairs("Latin-1", lines(PAIR).encode() + b'{"sentence1": "caf\xe9"}\n', rf"error: {FILE}:2: not UTF-8 text \(.*\)"),
    pairs("UTF-16", lines(PAIR).encode("utf-16"), rf"error: {FILE}:1: .*"),
    pairs("a field missing", lines(PAIR, {"sentence1": "a", "sentence": "b", "score": 1}), rf"error: {FILE}:2: no field 'sentence2' in the record \(did you mean 'sentence'\?\)"),
    pairs("a text that is a number", lines(PAIR | {"sentence1": 5}), rf"error: {FILE}:1: field 'sentence1' is not a text: 5"),
    pairs("a text that is nothing", lines(PAIR | {"sentence1": None}), rf"error: {FILE}:1: field 'sentence1' is not a text: None"),
    pairs("a score in words", lines(PAIR, PAIR | {"score": "high"}), rf"error: {FILE}:2: field 'score' is not a number: 'high'"),
    pairs("a score that is true", lines(PAIR | {"score": True}), rf"error: {FILE}:1: field 'score' is not a number: True"),
    pairs("a score that is none", '{"sentence1": "a", "sentence2": "b", "score": NaN}\n', rf"error: {FILE}:1: field 'score' is not a number: nan"),
    pairs("an infinite score", '{"sentence1": "a", "sentence2": "b", "score": 1e999}\n', rf"error: {FILE}:1: field 'score' is not a number: inf"),
    pairs("one pair", lines(PAIR), r"error: .*mine.*(one|1|two|2|pair).*"),
    pairs("equal scores", lines(*[PAIR | {"sentence1": str(n)} for n in range(9)]), r"error: .*mine.*(score|equal|same).*"),
    pairs("packed under a plain name", gzip.compress(lines(PAIR).encode()), rf"error: {FILE}:1: not UTF-8 text \(.*\)"),
    Row("pairs: a gzip file that is cut", MINE, r"error: there/mine/test\.jsonl\.gz:\d+: the gzip file is damaged \(.*\)", of("pairs", "mine/test.jsonl.gz", gzip.compress("".join(lines(PAIR | {"sentence1": str(n * n)}) for n in range(2000)).encode())[:3000])),
    Row("pairs: plain under a gzip name", MINE, r"error: there/mine/test\.jsonl\.gz:1: the gzip file is damaged \(.*\)", of("pairs", "mine/test.jsonl.gz", lines(PAIR))),
    Row("pairs: no such folder", MINE, r"error: no folder there/mine \(did you mean 'mien'\?\)", of("pairs", "mien/test.jsonl", lines(PAIR))),
    Row("pairs: no such split", MINE, r"error: no file there/mine/test\.jsonl or there/mine/test\.jsonl\.gz \(did you mean 'tests'\?\)", of("pairs", "mine/tests.jsonl", lines(PAIR))),
    Row("pairs: a folder for a file", MINE, r"error: no file there/mine/test\.jsonl.*", of("pairs", "mine/test.jsonl/x", "")),
    Row("pairs: no data root", MINE, r"error: dataset 'mine' is a folder source, but there is no data root: set .*", lambda place: place.edit(source("pairs"))),
    Row("pairs: a data root that is none", MINE, r"error: the data root nowhere is not a folder.*", lambda place: place.edit(source("pairs"), ("title: A run for trials", "data_root: nowhere"))),
    Row("pairs: a data root of the environment that is none", MINE, r"error: the data root /nowhere is not a folder.*", lambda place: place.edit(source("pairs")), environment={"STARBENCH_DATA": "/nowhere"}),
    Row("pairs: strict, with a blank text", MINE, rf"error: dataset 'mine' is strict, but {FILE}:1: .*blank.*", of("pairs", "mine/test.jsonl", lines(PAIR | {"sentence1": " "}, PAIR, PAIR | {"score": 1}), "    strict: true\n")),
    Row("triplets: a list for a text", MINE, rf"error: {FILE}:1: field 'negative' is not a text: \['c'\]", of("triplets", "mine/test.jsonl", lines(TRIPLET | {"negative": ["c"]}))),
    Row("triplets: all blank", MINE, r"error: dataset 'mine' has no records.*", of("triplets", "mine/test.jsonl", lines(TRIPLET | {"anchor": ""}))),
    Row("labelled: an empty label", MINE, rf"error: {FILE}:2: the label is empty", of("labelled", "mine/test.jsonl", lines({"text": "a", "label": 1}, {"text": "b", "label": ""}))),
    Row("labelled: a label that is nothing", MINE, rf"error: {FILE}:1: field 'label' is not a label: None; a label is a text or a whole number", of("labelled", "mine/test.jsonl", lines({"text": "a", "label": None}))),
    Row("labelled: one label", MINE, r"error: dataset 'mine': all of its texts have the label '1': give texts of several labels", of("labelled", "mine/test.jsonl", lines({"text": "a", "label": 1}, {"text": "b", "label": 1}))),
    Row("text: none", MINE, r"error: no file there/mine\.jsonl or there/mine\.jsonl\.gz.*", of("text", "other.txt", "")),
    Row("text: another field", MINE, r"error: there/mine\.jsonl:1: no field 'text' in the record.*", of("text", "mine.jsonl", lines({"words": "a"}))),
    Row("training queries: passages that are a text", MINE, rf"error: {FILE}:1: field 'positive_passages' is not a list of passages: 'p'", of("training-queries", "mine/test.jsonl", lines({"query_id": "1", "query": "q", "positive_passages": "p", "negative_passages": []}))),
    Row("training queries: a passage that is a number", MINE, rf"error: {FILE}:1: positive_passages\[0\] is not a passage: 5", of("training-queries", "mine/test.jsonl", lines({"query_id": "1", "query": "q", "positive_passages": [5], "negative_passages": []}))),
    Row("training queries: no negatives at all", MINE, r"error: dataset 'mine' has no records.*", of("training-queries", "mine/test.jsonl", lines({"query_id": "1", "query": "q", "positive_passages": [{"docid": "1", "title": "", "text": "t"}], "negative_passages": []}))),
    Row("training queries: negatives of no BEIR folder", MINE, r"error: 'negatives' is for BEIR folders, and there/mine has no corpus\.jsonl.*", of("training-queries", "mine/test.jsonl", "", "    negatives: 3\n")),
]

COLLECTIONS = [
    collection("no corpus", r"error: no file there/mine/corpus\.jsonl.*", corpus=None),
    collection("no queries", r"error: no file there/mine/queries\.jsonl.*", queries=None),
    collection("no judgements", r"error: no file there/mine/qrels/test\.tsv.*", qrels=None),
    collection("an empty corpus", r"error: dataset 'mine' has no passages.*", corpus=""),
    collection("empty queries", r"error: dataset 'mine'.*", queries=""),
    collection("a header of judgements alone", r"error: dataset 'mine' has no judgements.*", qrels="query-id\tcorpus-id\tscore\n"),
    collection("a passage without an id", r"error: there/mine/corpus\.jsonl:1: no field '_id'.*", corpus=lines({"id": "p1", "text": "a"})),
    collection("an id that is nothing", r"error: there/mine/corpus\.jsonl:1: .*_?id.*", corpus=lines({"_id": None, "text": "a"})),
    collection("an id that is a list", r"error: there/mine/corpus\.jsonl:1: .*_?id.*", corpus=lines({"_id": [1], "text": "a"})),
    collection("an id that is true", r"error: there/mine/corpus\.jsonl:1: .*_?id.*", corpus=lines({"_id": True, "text": "a"})),
    collection("an id with NUL", r"error: there/mine/corpus\.jsonl:1: .*_?id.*", corpus=lines({"_id": "a\0b", "text": "a"})),
    collection("an id with a space", r"error: there/mine/corpus\.jsonl:1: .*", corpus=lines({"_id": "a b", "text": "a"})),
    collection("an empty id", r"error: there/mine/corpus\.jsonl:1: .*", corpus=lines({"_id": "", "text": "a"})),
    collection("an id with two texts", r"error: there/mine/corpus\.jsonl:2: the passage id 'p1' appears twice, with two texts.*", corpus=lines(PASSAGES[0], PASSAGES[1] | {"_id": "p1"})),
    collection("a passage without text", r"error: there/mine/corpus\.jsonl:2: no field 'text'.*", corpus=lines(PASSAGES[0], {"_id": "p2"})),
    collection("a passage whose text is a number", r"error: there/mine/corpus\.jsonl:1: field 'text' is not a text: 5", corpus=lines({"_id": "p1", "text": 5})),
    collection("a title that is a list", r"error: there/mine/corpus\.jsonl:1: field 'title' is not a text: \['a'\]", corpus=lines({"_id": "p1", "title": ["a"], "text": "a"})),
    collection("judgements parted by spaces", r"error: there/mine/qrels/test\.tsv:1: .*", qrels="q1 p1 1\n"),
    collection("judgements of four fields", r"error: there/mine/qrels/test\.tsv:2: .*4 fields.*", qrels=QRELS.split("\n", 1)[0] + "\nq1\t0\tp1\t1\n"),
    collection("relevance in words", r"error: there/mine/qrels/test\.tsv:2: .*'yes'.*", qrels=QRELS.replace("q1\tp1\t1", "q1\tp1\tyes")),
    collection("a fraction of relevance", r"error: there/mine/qrels/test\.tsv:2: .*'0\.5'.*", qrels=QRELS.replace("q1\tp1\t1", "q1\tp1\t0.5")),
    collection("infinite relevance", r"error: there/mine/qrels/test\.tsv:2: .*'inf'.*", qrels=QRELS.replace("q1\tp1\t1", "q1\tp1\tinf")),
    collection("relevance beyond 64 bits", r"error: there/mine/qrels/test\.tsv:2: .*", qrels=QRELS.replace("q1\tp1\t1", "q1\tp1\t1e30")),
    collection("nothing relevant", r"error: dataset 'mine'.*nothing.*relevant.*", qrels=QRELS.replace("\t1\n", "\t0\n")),
    collection("no query judged", r"error: dataset 'mine'.*", qrels="query-id\tcorpus-id\tscore\nx\tp1\t1\n"),
    collection("no passage judged", r"error: dataset 'mine'.*", qrels="query-id\tcorpus-id\tscore\nq1\tx\t1\n"),
    collection("binary judgements", r"error: there/mine/qrels/test\.tsv:1: .*", qrels=b"\xff\xfe\0\x80"),
    collection("queries that are not JSON", r"error: there/mine/queries\.jsonl:1: not JSON \(.*\)", queries="q1\tred\n"),
]
# fmt: on
