"""What the stand-ins hold: the miniature English in the places of the paper's data."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from starbench.sources.miniature import collection, texts

ACCENTS = "Le café où naïve Zoë a lu « Ærø » coûte 3 €, dit 北京 à São Paulo. "
"""Words outside ASCII, as every one of the real sets has some."""

Text = dict[str, str]


@dataclass
class LocalCollection:
    """Passages, queries and judgements under the ids of the collection they stand for."""

    passages: list[Text]
    queries: list[Text]
    qrels: list[tuple[str, str, int]]
    fields: dict[str, str] = field(default_factory=dict)
    """What further fields of the real collection's records hold."""


def documents(rows: int, seed: int) -> Iterator[str]:
    """Yield documents for pre-training, every tenth with words outside ASCII."""
    for number, record in enumerate(texts(rows, seed)):
        yield f"{ACCENTS}{record['text']}" if number % 10 == 0 else record["text"]


def made_collection(
    passages: int, queries: int, seed: int, passage_id: str = "{}", query_id: str = "{}"
) -> LocalCollection:
    """Return a generated collection whose ids follow the given patterns."""
    corpus, asked, qrels = collection(passages, queries, seed)
    names = {record["_id"]: passage_id.format(record["_id"][1:]) for record in corpus}
    asked_names = {record["_id"]: query_id.format(record["_id"][1:]) for record in asked}
    return LocalCollection(
        [{**record, "_id": names[record["_id"]]} for record in corpus],
        [{**record, "_id": asked_names[record["_id"]]} for record in asked],
        [(asked_names[query], names[passage], grade) for query, passage, grade in qrels],
    )


PASSAGES, QUERIES = 12, 3
"""Of each set of BEIR."""


def msmarco() -> LocalCollection:
    """Return the passages that three sets of queries share."""
    return made_collection(30, 9, seed=100, passage_id="70{:0>5}", query_id="10{:0>4}")


MSMARCO_SETS = {
    "msmarco-passage/dev/small": slice(0, 3),
    "msmarco-passage/trec-dl-2019/judged": slice(3, 6),
    "msmarco-passage/trec-dl-2020/judged": slice(6, 9),
}
"""Which of the queries each id of ir_datasets has."""


def ir_collections() -> dict[str, LocalCollection]:
    """Return a local collection for every id of ir_datasets that the paper's config names."""
    return {**_msmarco_sets(), **_beir()}


def _msmarco_sets() -> dict[str, LocalCollection]:
    whole = msmarco()
    # The official passages have no titles: those are in Tevatron's corpus only.
    untitled = [{"_id": p["_id"], "title": "", "text": p["text"]} for p in whole.passages]
    found = {}
    for name, part in MSMARCO_SETS.items():
        queries = whole.queries[part]
        ids = {query["_id"] for query in queries}
        qrels = [judged for judged in whole.qrels if judged[0] in ids]
        found[name] = LocalCollection(untitled, queries, qrels)
    return found


def _beir() -> dict[str, LocalCollection]:
    made = {
        name: made_collection(PASSAGES, QUERIES, number, passage_id, query_id)
        for number, (name, passage_id, query_id) in enumerate(BEIR_IDS, start=1)
    }
    _judge_what_is_missing(made["beir/arguana"])
    _put_queries_among_passages(made["beir/arguana"])
    _leave_blanks(made["beir/trec-covid"])
    for name in UNTITLED:
        made[name].passages = [{**p, "title": ""} for p in made[name].passages]
    passages = made["beir/fever/test"].passages
    passages[-1] = {**passages[-1], "text": ACCENTS + passages[-1]["text"]}
    return made


BEIR_IDS = (
    ("beir/dbpedia-entity/test", "<dbpedia:Café_{}>", "INEX_LD-20{:0>5}"),
    ("beir/quora/test", "{}", "30{}"),
    ("beir/scidocs", "{:a>40}", "{:b>40}"),
    ("beir/scifact/test", "44{}", "{}"),
    ("beir/climate-fever", "Beyoncé_{}", "{}"),
    ("beir/arguana", "test-society-{}-con01a", "test-law-{}-pro02a"),
    ("beir/webis-touche2020/v2", "c67482ba-2019-04-18T13:32:05Z-0000{}-000", "{}"),
    ("beir/fiqa/test", "5{}", "8{}"),
    ("beir/trec-covid", "{:u>8}", "{}"),
    ("beir/nfcorpus/test", "MED-{}", "PLAIN-{}"),
    ("beir/fever/test", "Zoë_{}_(film)", "1{}"),
    ("beir/hotpotqa/test", "12{}", "5a{:0>22}"),
)
"""Ids of ir_datasets, and what ids of their passages and queries look like."""

UNTITLED = ("beir/quora/test", "beir/fiqa/test")

MISSING = ("test-society-gone-con01b", "test-society-gone-con02b", "test-society-gone-con03b")
"""Passages that ArguAna judges and its corpus lacks."""


def _judge_what_is_missing(made: LocalCollection) -> None:
    first = made.queries[0]["_id"]
    made.qrels += [(first, passage, 1) for passage in MISSING]


def _put_queries_among_passages(made: LocalCollection) -> None:
    made.passages += [{**query, "title": ""} for query in made.queries]


def _leave_blanks(made: LocalCollection) -> None:
    """Take the text of a passage that is judged, and title and text of one that is not."""
    judged = {passage for _, passage, _ in made.qrels}
    for place, passage in enumerate(made.passages):
        if passage["_id"] in judged:
            made.passages[place] = {**passage, "text": ""}
            break
    for place, passage in enumerate(made.passages):
        if passage["_id"] not in judged:
            made.passages[place] = {**passage, "title": "", "text": " "}
            break
