"""A small retrieval collection and training queries: passages that say it, and near misses."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Any

from starbench.sources.miniature import edits
from starbench.sources.miniature.documents import remark
from starbench.sources.miniature.events import DETAILS, Meaning, draw_meaning, relevance, same_event
from starbench.sources.miniature.records import contradict, row_generator
from starbench.sources.miniature.surface import draw_words, name_of, tell, with_article
from starbench.sources.miniature.world import ANCESTORS, PARTICIPLE, PAST

Passage = dict[str, str]

_MOST_RELEVANT = 4
_FEWEST_WRONG, _MOST_WRONG = 4, 7
_RELEVANT_KEEP, _WRONG_KEEP = 0.4, 0.6
"""How often a passage uses the query's own word where it knows another."""

_TRAINING_NEGATIVES = 8
_TRIES = 2000


@dataclass(frozen=True, slots=True)
class Query:
    """A question, what it asks for, and an event that answers it in full."""

    text: str
    asked: Meaning
    event: Meaning
    words: dict[str, str]


class _Asked:
    """All queries so far, so that nothing else in the collection answers one by accident."""

    def __init__(self) -> None:
        self._queries: dict[str, list[Query]] = {}

    def add(self, query: Query) -> None:
        self._queries.setdefault(query.asked.action, []).append(query)

    def is_answered_by(self, told: Meaning) -> bool:
        """Return whether an event answers any of the queries, if only in part."""
        rivals = self._queries.get(told.action, [])
        return any(relevance(told, rival.asked) for rival in rivals)

    def is_new(self, query: Query) -> bool:
        """Return whether no two of the queries are about one event, whatever the details."""
        rivals = self._queries.get(query.asked.action, [])
        return not any(
            same_event(query.event, rival.asked) or same_event(rival.event, query.asked)
            for rival in rivals
        )


def _phrase(words: dict[str, str], entity: str, trait: str) -> str:
    return with_article("the", f"{words[trait]} {words[entity]}" if trait else words[entity])


def _question(rng: Random, asked: Meaning, words: dict[str, str]) -> str:
    """Return the text of a query: who did it, to whom it was done, or the plain statement."""
    form = rng.randrange(3)
    verb = words[asked.action]
    manner = f"{words[asked.manner]} " if asked.manner else ""
    rest = "".join(f" {words[key]}" for key in (asked.place, asked.time) if key)
    if form == 0 and len(ANCESTORS[asked.agent]) < 2:
        other = _phrase(words, asked.object, asked.object_trait)
        trait = f"{words[asked.agent_trait]} " if asked.agent_trait else ""
        return f"which {trait}{words[asked.agent]} {manner}{PAST[verb]} {other}{rest}?"
    if form == 1 and len(ANCESTORS[asked.object]) < 2:
        agent = _phrase(words, asked.agent, asked.agent_trait)
        trait = f"{words[asked.object_trait]} " if asked.object_trait else ""
        return (
            f"which {trait}{words[asked.object]} was {manner}{PARTICIPLE[verb]} by {agent}{rest}?"
        )
    return tell(rng, asked, words, keep=1.0)


def _draw_query(rng: Random, test: bool) -> Query:
    event = draw_meaning(rng, test)
    asked = event
    if rng.random() < 0.7:
        asked = edits.generalise(rng, asked) or asked
    for _ in range(rng.randrange(3)):
        asked = edits.drop_detail(rng, asked) or asked
    words = draw_words(rng, event)
    asked_words = {**words, **draw_words(rng, asked, words, keep=1.0)}
    return Query(_question(rng, asked, asked_words), asked, event, asked_words)


def _relevant(rng: Random, query: Query, full: bool) -> Meaning:
    """Return an event that answers a query in full, or one that leaves out an asked detail."""
    told = query.event
    asked_details = [slot for slot in DETAILS if getattr(query.asked, slot)]
    if not full and asked_details:
        return told.having(rng.choice(asked_details), "")
    for _ in range(rng.randrange(3)):
        edit = rng.choice((edits.add_detail, edits.drop_detail))
        changed = edit(rng, told) or told
        told = changed if relevance(changed, query.asked) == 2 else told
    return told


def _wrong(rng: Random, query: Query, test: bool) -> Meaning:
    """Return an event that is close to the one asked for and does not answer the query."""
    while True:
        told = contradict(rng, query.event, test)
        if rng.random() < 0.5:
            told = edits.drop_detail(rng, told) or told
        if not relevance(told, query.asked):
            return told


def _passage(rng: Random, told: Meaning, words: dict[str, str], keep: float) -> Passage:
    """Return title and text: the event, in half of them beside a remark on it."""
    wording = draw_words(rng, told, words, keep)
    sentences = [tell(rng, told, wording, keep=0.8)]
    for _ in range(rng.randint(0, 1)):
        further = remark(rng, told)
        if further not in sentences:
            sentences.insert(rng.randrange(len(sentences) + 1), further)
    title = f"{name_of(rng, told.agent)} and {name_of(rng, told.object)}"
    return {"title": title, "text": " ".join(sentences)}


def _new_passage(
    rng: Random, told: Meaning, words: dict[str, str], keep: float, seen: set[str]
) -> Passage:
    """Return a passage whose text no other of the collection has."""
    for _ in range(_TRIES):
        passage = _passage(rng, told, words, keep)
        if passage["text"] not in seen:
            seen.add(passage["text"])
            return passage
    raise ValueError("the miniature world is too small for so many different passages")


def _draw_queries(count: int, seed: int) -> list[Query]:
    """Return queries about different events, whatever the details."""
    asked = _Asked()
    made: list[Query] = []
    for number in range(count):
        rng = row_generator(seed, "collection-query", number)
        for _ in range(_TRIES):
            query = _draw_query(rng, test=True)
            if asked.is_new(query):
                break
        else:
            raise ValueError(f"the miniature world is too small for {count} different queries")
        asked.add(query)
        made.append(query)
    return made


def _own_passages(
    query: Query, asked: _Asked, room: int, rng: Random, seen: set[str]
) -> list[Passage]:
    """Return one to four passages that answer a query and several that nearly do."""
    relevant = min(rng.randint(1, _MOST_RELEVANT), max(1, room // 3))
    wrong = min(rng.randint(_FEWEST_WRONG, _MOST_WRONG), room - relevant)
    told = [_relevant(rng, query, full=number == 0) for number in range(relevant)]
    made = [_new_passage(rng, event, query.words, _RELEVANT_KEEP, seen) for event in told]
    for _ in range(wrong):
        event = _wrong(rng, query, True)
        while asked.is_answered_by(event):
            event = _wrong(rng, query, True)
        made.append(_new_passage(rng, event, query.words, _WRONG_KEEP, seen))
        told.append(event)
    for passage, event in zip(made, told, strict=True):
        passage["relevance"] = str(relevance(event, query.asked))
    return made


def _filler(asked: _Asked, rng: Random, seen: set[str]) -> Passage:
    event = draw_meaning(rng, test=True)
    while asked.is_answered_by(event):
        event = draw_meaning(rng, test=True)
    return _new_passage(rng, event, {}, 0.0, seen)


def collection(
    documents: int, queries: int, seed: int
) -> tuple[list[dict[str, Any]], list[dict[str, Any]], list[tuple[str, str, int]]]:
    """Return corpus, queries and relevance judgements, all from the test meanings.

    Corpus records are {_id, title, text}, queries {_id, text}, judgements (query id, document
    id, relevance): 2 for a passage that says all that is asked, 1 for one that leaves out a
    detail. Each query has one to four such passages and, where `documents` leaves room, four to
    seven that share its words and say something else; the rest of the corpus tells of other
    events. Raises ValueError for fewer than two documents per query, or for more queries than
    the world has different answers to.
    """
    if queries < 1 or documents < 2 * queries:
        raise ValueError(
            f"{documents} documents for {queries} queries: "
            "at least one query and two documents for each are needed"
        )
    asked = _Asked()
    made = _draw_queries(queries, seed)
    for query in made:
        asked.add(query)
    seen: set[str] = set()
    drafts: list[tuple[Passage, str]] = []
    for number, query in enumerate(made):
        rng = row_generator(seed, "collection-passages", number)
        own = _own_passages(query, asked, documents // queries, rng, seen)
        drafts.extend((passage, f"q{number}") for passage in own)
    for number in range(documents - len(drafts)):
        rng = row_generator(seed, "collection-filler", number)
        drafts.append((_filler(asked, rng, seen), ""))
    # The place in the corpus must not tell which passages are relevant: ties go by order.
    row_generator(seed, "collection-order", 0).shuffle(drafts)
    return _numbered(drafts, made)


def _numbered(
    drafts: list[tuple[Passage, str]], made: list[Query]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]], list[tuple[str, str, int]]]:
    corpus: list[dict[str, Any]] = []
    qrels: list[tuple[str, str, int]] = []
    for position, (passage, query_id) in enumerate(drafts):
        document_id = f"d{position}"
        grade = int(passage.get("relevance", "0"))
        corpus.append({"_id": document_id, "title": passage["title"], "text": passage["text"]})
        if grade:
            qrels.append((query_id, document_id, grade))
    qrels.sort(key=lambda judged: int(judged[0][1:]))
    return corpus, [{"_id": f"q{n}", "text": query.text} for n, query in enumerate(made)], qrels


def training_queries(rows: int, seed: int) -> Iterator[dict[str, Any]]:
    """Yield `rows` records as Tevatron reads them, from the training meanings.

    A record is {query_id, query, positive_passages, negative_passages}, a passage {docid, title,
    text}: one or two positives and eight negatives that share words with the query and
    contradict it. Row i depends on the seed and i only.
    """
    for row in range(rows):
        rng = row_generator(seed, "training-queries", row)
        query = _draw_query(rng, test=False)
        right = [_relevant(rng, query, full=True) for _ in range(rng.randint(1, 2))]
        wrong = [_wrong(rng, query, False) for _ in range(_TRAINING_NEGATIVES)]
        yield {
            "query_id": f"t{row}",
            "query": query.text,
            "positive_passages": [
                {"docid": f"t{row}p{n}", **_passage(rng, event, query.words, _RELEVANT_KEEP)}
                for n, event in enumerate(right)
            ],
            "negative_passages": [
                {"docid": f"t{row}n{n}", **_passage(rng, event, query.words, _WRONG_KEEP)}
                for n, event in enumerate(wrong)
            ],
        }
