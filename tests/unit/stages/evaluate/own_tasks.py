"""Small data of every kind that MTEB has tasks for, as files and as MTEB's own task classes."""

import json
import random
from pathlib import Path

from datasets import Dataset, DatasetDict
from mteb.abstasks.classification import AbsTaskClassification
from mteb.abstasks.clustering import AbsTaskClustering
from mteb.abstasks.pair_classification import AbsTaskPairClassification
from mteb.abstasks.retrieval import AbsTaskRetrieval
from mteb.abstasks.sts import AbsTaskSTS
from mteb.abstasks.task_metadata import TaskMetadata

NOUNS = ("man", "woman", "dog", "cat", "child", "bird", "boat")
VERBS = {"sight": ("sees", "finds"), "food": ("eats", "sold"), "art": ("paints", "not")}
PLACES = ("in the park", "near the house", "on a river", "by the boat", "quickly", "today")

CLASSES = {
    "Classification": (AbsTaskClassification, "Classification", "accuracy", "t2c"),
    "Clustering": (AbsTaskClustering, "Clustering", "v_measure", "t2c"),
    "PairClassification": (AbsTaskPairClassification, "PairClassification", "max_ap", "t2t"),
    "STS": (AbsTaskSTS, "STS", "cosine_spearman", "t2t"),
    "Retrieval": (AbsTaskRetrieval, "Retrieval", "ndcg_at_10", "t2t"),
    "Reranking": (AbsTaskRetrieval, "Reranking", "map_at_1000", "t2t"),
}


def sentence(drawn: random.Random, label: str) -> str:
    """Return a sentence with a verb of a label."""
    one, other = drawn.sample(NOUNS, 2)
    return f"the {one} {drawn.choice(VERBS[label])} the {other} {drawn.choice(PLACES)}"


def labelled(rows: int, seed: int) -> list[dict]:
    """Return labelled texts, as many of each label."""
    drawn = random.Random(seed)
    labels = [list(VERBS)[row % len(VERBS)] for row in range(rows)]
    return [{"text": sentence(drawn, label), "label": label} for label in labels]


def pairs(rows: int, seed: int) -> list[dict]:
    """Return pairs of sentences, half of them of the same label."""
    drawn, labels = random.Random(seed), list(VERBS)
    made = []
    for row in range(rows):
        label = drawn.choice(labels)
        other = label if row % 2 else drawn.choice([name for name in labels if name != label])
        texts = {"sentence1": sentence(drawn, label), "sentence2": sentence(drawn, other)}
        score = round(drawn.uniform(0, 2) + 3 * (row % 2), 2)
        made.append(texts | {"score": score, "label": row % 2})
    return made


def collection(passages: int, queries: int, seed: int) -> tuple[dict, dict, dict]:
    """Return {passage: (title, text)}, {query: text} and {query: {passage: relevance}}."""
    drawn, labels = random.Random(seed), list(VERBS)
    kinds = {f"p{number}": labels[number % len(labels)] for number in range(passages)}
    corpus = {name: (drawn.choice(NOUNS), sentence(drawn, kind)) for name, kind in kinds.items()}
    asked = {f"q{number}": labels[number % len(labels)] for number in range(queries)}
    judged = {
        query: {name: int(kinds[name] == kind) for name in drawn.sample(list(corpus), 8)}
        for query, kind in asked.items()
    }
    return corpus, {query: sentence(drawn, kind) for query, kind in asked.items()}, judged


TRAIN, TEST = labelled(60, 1), labelled(45, 2)
PAIRS = pairs(40, 3)
CORPUS, QUERIES, JUDGED = collection(30, 9, 4)


def write_all(root: Path) -> None:
    """Write the data as a user would: a folder for labelled texts, for pairs and for passages."""
    for name, split, rows in (
        ("topics", "train", TRAIN),
        ("topics", "test", TEST),
        ("pairs", "test", PAIRS),
    ):
        (root / name).mkdir(parents=True, exist_ok=True)
        write_lines(root / name / f"{split}.jsonl", rows)
    beir = root / "library"
    (beir / "qrels").mkdir(parents=True)
    passages = [{"_id": n, "title": title, "text": text} for n, (title, text) in CORPUS.items()]
    write_lines(beir / "corpus.jsonl", passages)
    write_lines(beir / "queries.jsonl", [{"_id": n, "text": t} for n, t in QUERIES.items()])
    lines = [f"{q}\t{p}\t{r}" for q, judged in JUDGED.items() for p, r in judged.items()]
    text = "\n".join(["query-id\tcorpus-id\tscore", *lines]) + "\n"
    (beir / "qrels" / "test.tsv").write_text(text)


def write_lines(path: Path, rows: list[dict]) -> None:
    """Write JSON lines."""
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def numbered(rows: list[dict]) -> list[int]:
    """Return the labels as numbers, in alphabetical order."""
    return [sorted(VERBS).index(row["label"]) for row in rows]


def columns(kind: str) -> dict:
    """Return the data of a kind as MTEB's classes read them."""
    if kind == "Classification":
        return DatasetDict(
            {
                split: Dataset.from_dict(
                    {"text": [row["text"] for row in rows], "label": numbered(rows)}
                )
                for split, rows in (("train", TRAIN), ("test", TEST))
            }
        )
    if kind == "Clustering":
        made = {"sentences": [row["text"] for row in TEST], "labels": numbered(TEST)}
    elif kind in ("Retrieval", "Reranking"):
        return {
            "test": {
                "corpus": Dataset.from_list(
                    [{"id": n, "title": t, "text": x} for n, (t, x) in CORPUS.items()]
                ),
                "queries": Dataset.from_list([{"id": n, "text": t} for n, t in QUERIES.items()]),
                "relevant_docs": JUDGED,
                "top_ranked": {q: list(judged) for q, judged in JUDGED.items()}
                if kind == "Reranking"
                else None,
            }
        }
    else:
        gold = {"STS": ("score", "score"), "PairClassification": ("labels", "label")}[kind]
        made = {side: [row[side] for row in PAIRS] for side in ("sentence1", "sentence2")}
        made[gold[0]] = [row[gold[1]] for row in PAIRS]
    return DatasetDict(test=Dataset.from_dict(made))


def reference(kind: str):
    """Return MTEB's task class on the data, put there by hand."""
    base, type_, main_score, category = CLASSES[kind]
    metadata = TaskMetadata(
        name=f"By hand, {kind}",
        description=kind,
        dataset={"path": "none", "revision": "none"},
        type=type_,
        category=category,
        eval_splits=["test"],
        eval_langs=["eng-Latn"],
        main_score=main_score,
    )
    more = {"max_fraction_of_documents_to_embed": None} if kind == "Clustering" else {}
    task = type("ByHand", (base,), {"metadata": metadata, **more})()
    task.dataset, task.data_loaded = {"default": columns(kind)}, True
    return task
