"""The miniature English: fixed to the byte, parted without leaks, and about meaning, not words."""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from scipy.stats import spearmanr

from starbench.sources.miniature import (
    LABEL_SETS,
    PAIR_SETS,
    collection,
    labelled,
    pairs,
    texts,
    training_queries,
    triplets,
)
from starbench.sources.miniature.events import Meaning, similarity
from starbench.sources.miniature.world import CONCEPTS, PARTICIPLE, PAST

GOLDEN: dict[str, str] = {
    "pairs-paraphrase": "d848915b536e1ce8cce3ae64bbbc7c355b527e7a033c50aaf21e9c6c79cbc534",
    "pairs-roles": "fc8875862398b1d022970498ec870b4e2110449287e2588a7aaeb7a6aa854889",
    "pairs-taxonomy": "081f7ed5a4445ef8db1c4524f4ab91d4bc46c3b422b70bca94b5d8bdc179be17",
    "labelled-action": "6794c773cac2168da55dbb460418ada880678c14258ade5a24ebe7f3ee1d952f",
    "labelled-agent": "e090402a34135e798724aba264b9fc9ffb714718c9057edd1fbf2447eb2a25ba",
    "texts": "8b00dee2122a3e14ca0b9a0923bc279343fe7ae9a598285dbf7d5c6200060298",
    "triplets": "37a8857128f9edc4fbea8d6fb58a37c43f7ff0cf3fd47f9d9cf15c4f65215361",
    "training_queries": "f97c02ee9680013303fac798b64e594301ee330d9b11d7aef8959278a9009e48",
    "collection": "6cab65013916007070bb236bbfe2cea655a54a2a40eca5510ad1f2750408ad29",
}


def first_rows(rows: int, seed: int) -> dict[str, Any]:
    made: dict[str, Any] = {f"pairs-{name}": list(pairs(rows, seed, name)) for name in PAIR_SETS}
    made |= {f"labelled-{name}": list(labelled(rows, seed, name, "train")) for name in LABEL_SETS}
    made["texts"] = list(texts(rows, seed))
    made["triplets"] = list(triplets(rows, seed))
    made["training_queries"] = list(training_queries(rows, seed))
    made["collection"] = collection(10 * rows, rows, seed)
    return made


def digest(records: Any) -> str:
    return hashlib.sha256(json.dumps(records).encode()).hexdigest()


def digests(rows: int, seed: int) -> dict[str, str]:
    return {kind: digest(records) for kind, records in first_rows(rows, seed).items()}


def words(text: str) -> list[str]:
    return re.findall(r"[a-z]+", text)


def overlap(one: str, other: str) -> float:
    mine, theirs = set(words(one)), set(words(other))
    return len(mine & theirs) / len(mine | theirs)


def name_to_key() -> dict[str, str]:
    """Read off which concept each entity or verb form names, to parse sentences back."""
    found: dict[str, str] = {}
    for key, concept in CONCEPTS.items():
        for name in concept.names:
            forms = {name, PAST[name], PARTICIPLE[name]} if name in PAST else {name}
            for form in forms:
                assert found.setdefault(form, key) == key, f"'{form}' names two concepts"
    return found


NAMES = name_to_key()


def core(sentence: str) -> tuple[str, ...]:
    """Parse the action (or its opposite) and the two participants from a sentence."""
    keys = [NAMES[word] for word in words(sentence) if word in NAMES]
    actions = {key for key in keys if key.startswith("action:")}
    entities = sorted({key for key in keys if key.startswith("entity:")})
    assert len(actions) == 1 and len(entities) == 2, sentence
    action = actions.pop()
    return min(action, CONCEPTS[action].opposite), *entities


def test_the_first_fifty_rows_of_each_kind_are_those_of_this_version() -> None:
    assert digests(50, 1) == GOLDEN


def test_rows_do_not_depend_on_how_python_hashes_strings() -> None:
    code = (
        "import json, sys; sys.path.insert(0, sys.argv[1]); import test_miniature; "
        "print(json.dumps(test_miniature.digests(20, 3)))"
    )
    here = str(Path(__file__).resolve().parent)
    run = subprocess.run(
        [sys.executable, "-c", code, here],
        env={**os.environ, "PYTHONHASHSEED": "12345", "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(run.stdout) == digests(20, 3)


def test_fewer_rows_are_a_prefix_of_more_rows() -> None:
    few, many = first_rows(20, 5), first_rows(60, 5)
    for kind in few.keys() - {"collection"}:
        assert few[kind] == many[kind][:20], kind


def test_another_seed_gives_other_rows() -> None:
    one, other = digests(10, 1), digests(10, 2)
    assert all(one[kind] != other[kind] for kind in one)


def test_an_unknown_pair_set_is_refused_with_the_known_ones_named() -> None:
    with pytest.raises(ValueError, match=r"'rolls'.*paraphrase, roles, taxonomy"):
        pairs(1, 1, "rolls")


def test_an_unknown_label_set_or_split_is_refused_with_the_known_ones_named() -> None:
    with pytest.raises(ValueError, match=r"'actor'.*action, agent"):
        labelled(1, 1, "actor", "train")
    with pytest.raises(ValueError, match=r"'dev'.*train, test"):
        labelled(1, 1, "action", "dev")


def test_the_two_splits_of_labelled_texts_never_share_action_and_participants() -> None:
    trained, tested = (
        {core(row["text"]) for row in labelled(1500, seed, "action", split)}
        for seed, split in ((1, "train"), (2, "test"))
    )
    assert not trained & tested


def test_labels_are_those_of_the_verb_and_of_the_one_who_acts() -> None:
    for row in labelled(300, 1, "action", "train"):
        action, *_ = [NAMES[word] for word in words(row["text"]) if is_of("action", word)]
        assert CONCEPTS[action].family == row["label"], row
    for row in labelled(300, 1, "agent", "test"):
        kind = CONCEPTS[CONCEPTS[agent_in(words(row["text"]))].family]
        assert kind.names[0] == row["label"], row


def is_of(domain: str, word: str) -> bool:
    return NAMES.get(word, "").startswith(f"{domain}:")


def agent_in(sentence: list[str]) -> str:
    """Parse who acts: the participant after "by", else the last one before the verb."""
    verb = next(at for at, word in enumerate(sentence) if is_of("action", word))
    after_by = sentence[sentence.index("by", verb) :] if "by" in sentence[verb:] else []
    acting = [word for word in after_by if is_of("entity", word)][:1]
    before = [word for word in sentence[:verb] if is_of("entity", word)]
    return NAMES[(acting or before[-1:])[0]]


def test_no_name_belongs_to_two_concepts() -> None:
    assert set(NAMES.values()) == CONCEPTS.keys()


def test_training_and_test_sentences_never_share_action_and_participants() -> None:
    rows = list(triplets(4000, 1))
    trained = {core(row[side]) for row in rows for side in ("anchor", "negative")}
    tested = {core(row["sentence1"]) for name in PAIR_SETS for row in pairs(1000, 1, name)}
    assert len(trained) > 3500 and len(tested) > 1500
    assert not trained & tested


def test_no_graded_pair_is_an_entailment_or_contradiction_of_the_triplets() -> None:
    seen = {
        frozenset((row["anchor"], row[other]))
        for row in triplets(4000, 1)
        for other in ("positive", "negative")
    }
    graded = {
        frozenset((row["sentence1"], row["sentence2"]))
        for name in PAIR_SETS
        for row in pairs(1000, 1, name)
    }
    assert not seen & graded


def test_a_test_core_makes_up_about_a_fifth_of_all_meanings() -> None:
    tested = {core(row["sentence1"]) for row in pairs(2000, 1, "roles")}
    trained = {core(row["anchor"]) for row in triplets(8000, 1)}
    # Both sample their part thinly, so the birthday rule gives the size of each part.
    sizes = [
        math.comb(rows, 2) / max(1, rows - len(cores))
        for rows, cores in ((2000, tested), (8000, trained))
    ]
    assert 0.1 < sizes[0] / sum(sizes) < 0.3


@pytest.mark.parametrize("name", PAIR_SETS)
def test_word_overlap_says_little_about_the_score(name: str) -> None:
    rows = list(pairs(2000, 1, name))
    overlaps = [overlap(row["sentence1"], row["sentence2"]) for row in rows]
    rho = spearmanr(overlaps, [row["score"] for row in rows]).statistic
    assert 0.0 < rho < 0.35


@pytest.mark.parametrize("name", PAIR_SETS)
def test_which_concepts_are_named_does_not_settle_the_score(name: str) -> None:
    rows = list(pairs(2000, 1, name))

    def shared(row: dict[str, Any]) -> float:
        mine, theirs = (
            {NAMES.get(word, word) for word in words(row[side])}
            for side in ("sentence1", "sentence2")
        )
        return len(mine & theirs) / len(mine | theirs)

    rho = spearmanr([shared(row) for row in rows], [row["score"] for row in rows]).statistic
    assert 0.0 < rho < 0.75


@pytest.mark.parametrize("name", PAIR_SETS)
def test_scores_spread_over_the_whole_range(name: str) -> None:
    scores = [row["score"] for row in pairs(2000, 1, name)]
    assert all(0 <= score <= 5 and score == round(score, 2) for score in scores)
    tally = Counter(min(int(score), 4) for score in scores)
    assert all(0.05 < tally[band] / 2000 < 0.5 for band in range(5))
    assert len(set(scores)) > 100


def test_similarity_falls_with_what_changes() -> None:
    told = Meaning("action:chase", "entity:wolf", "entity:girl", place="place:in the park")
    swapped = Meaning("action:chase", "entity:girl", "entity:wolf", place="place:in the park")
    denied = Meaning(
        "action:chase", "entity:wolf", "entity:girl", place="place:in the park", negated=True
    )
    elsewhere = Meaning("action:chase", "entity:wolf", "entity:girl", place="place:in the market")
    wider = Meaning("action:chase", "entity:animal", "entity:girl", place="place:in the park")
    order = [told, wider, elsewhere, swapped, Meaning("action:sell", "entity:boy", "entity:hat")]
    scores = [similarity(told, other) for other in order]
    assert scores[0] == 5.0
    assert scores == sorted(scores, reverse=True)
    assert similarity(told, denied) == pytest.approx(2.0)
    assert all(similarity(a, b) == similarity(b, a) for a, b in combinations(order, 2))


def test_a_contradiction_shares_at_least_as_many_words_as_the_positive() -> None:
    rows = list(triplets(2000, 1))
    positive = sum(overlap(row["anchor"], row["positive"]) for row in rows)
    negative = sum(overlap(row["anchor"], row["negative"]) for row in rows)
    assert negative >= positive
    assert all(row["anchor"] not in (row["positive"], row["negative"]) for row in rows)


def test_documents_are_short_and_tell_of_few_participants() -> None:
    for row in texts(1000, 1):
        sentences = re.findall(r"[^.?]+[.?]", row["text"])
        assert 3 <= len(sentences) <= 8
        assert 25 <= len(words(row["text"])) <= 95


def test_sentences_are_of_moderate_length_and_end_with_a_full_stop() -> None:
    anchors = [row["anchor"] for row in triplets(2000, 1)]
    assert all(re.fullmatch(r"[a-z, ]+\.", anchor) for anchor in anchors)
    lengths = [len(words(anchor)) for anchor in anchors]
    assert min(lengths) >= 5 and max(lengths) <= 20 and 9 <= sum(lengths) / 2000 <= 14


def test_the_article_fits_the_sound_of_the_next_word() -> None:
    for row in texts(1000, 1):
        assert not re.search(r"\ba [aeiou]|\ban [^aeiou]", row["text"])


def test_pre_training_texts_hold_every_word_of_the_language() -> None:
    everywhere = Counter(word for row in texts(8000, 1) for word in words(row["text"]))
    assert 500 <= len(everywhere) <= 900
    assert min(everywhere.values()) >= 3
    elsewhere = json.dumps({**first_rows(50, 2), "texts": []})
    values = re.findall(r'"(?:text|title|query|anchor|sentence\d)": "([^"]*)"', elsewhere)
    assert {word for value in values for word in words(value)} <= everywhere.keys()


def test_a_collection_has_the_asked_size_and_one_to_four_relevant_passages_a_query() -> None:
    corpus, queries, qrels = collection(600, 60, 4)
    assert (len(corpus), len(queries)) == (600, 60)
    assert len({document["_id"] for document in corpus}) == 600
    assert len({document["text"] for document in corpus}) == 600
    assert len({query["text"] for query in queries}) == 60
    judged = Counter(query for query, _, _ in qrels)
    assert set(judged) == {query["_id"] for query in queries}
    assert set(judged.values()) <= {1, 2, 3, 4}
    assert {grade for _, _, grade in qrels} == {1, 2}
    assert {query for query, _, grade in qrels if grade == 2} == set(judged)
    assert {document for _, document, _ in qrels} <= {document["_id"] for document in corpus}


def test_a_collection_without_room_for_its_queries_is_refused() -> None:
    with pytest.raises(ValueError, match="19 documents for 10 queries"):
        collection(19, 10, 1)
    corpus, _, qrels = collection(20, 10, 1)
    assert len(corpus) == 20 and len(qrels) == 10


def bm25_scores(query: list[str], documents: list[list[str]]) -> list[float]:
    """Robertson's BM25 with k1 = 1.2, b = 0.75, written out."""
    mean = sum(map(len, documents)) / len(documents)
    scores = [0.0] * len(documents)
    counts = [Counter(document) for document in documents]
    for word in query:
        holding = sum(word in count for count in counts)
        weight = math.log(1 + (len(documents) - holding + 0.5) / (holding + 0.5))
        for number, count in enumerate(counts):
            norm = 1.2 * (0.25 + 0.75 * len(documents[number]) / mean)
            scores[number] += weight * count[word] * 2.2 / (count[word] + norm)
    return scores


def reciprocal_rank(ranked: Iterable[str], relevant: set[str]) -> float:
    return next((1 / rank for rank, name in enumerate(ranked, 1) if name in relevant), 0.0)


def test_plain_bm25_finds_something_but_is_far_from_perfect() -> None:
    corpus, queries, qrels = collection(1000, 80, 1)
    documents = [words(f"{document['title']} {document['text']}") for document in corpus]
    total = 0.0
    for query in queries:
        scores = bm25_scores(words(query["text"]), documents)
        ranked = sorted(range(len(corpus)), key=lambda number: -scores[number])[:10]
        relevant = {document for name, document, _ in qrels if name == query["_id"]}
        total += reciprocal_rank((corpus[number]["_id"] for number in ranked), relevant)
    assert 0.2 < total / len(queries) < 0.55


def test_training_queries_have_one_or_two_positives_and_many_negatives() -> None:
    for row in training_queries(200, 1):
        positives, negatives = row["positive_passages"], row["negative_passages"]
        assert len(positives) in (1, 2) and len(negatives) >= 7
        passages = [*positives, *negatives]
        assert all(passage.keys() == {"docid", "title", "text"} for passage in passages)
        assert len({passage["docid"] for passage in passages}) == len(passages)
        assert not {p["text"] for p in positives} & {p["text"] for p in negatives}


def test_training_queries_and_the_collection_share_no_query_and_no_passage() -> None:
    trained: set[str] = set()
    for row in training_queries(500, 1):
        passages = (*row["positive_passages"], *row["negative_passages"])
        trained.update((row["query"], *(passage["text"] for passage in passages)))
    corpus, queries, _ = collection(1000, 100, 1)
    assert not trained & {record["text"] for record in (*corpus, *queries)}
