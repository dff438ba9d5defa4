"""Entailment triplets and graded sentence pairs, drawn row by row."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from random import Random
from typing import Any

from starbench.sources.miniature import edits
from starbench.sources.miniature.edits import Edit
from starbench.sources.miniature.events import Meaning, draw_meaning, similarity
from starbench.sources.miniature.surface import draw_words, tell

_CONTRADICTIONS: tuple[Edit, ...] = (
    edits.swap_roles,
    edits.swap_roles,
    edits.swap_roles,
    edits.reverse_action,
    edits.deny,
    edits.exchange_traits,
    edits.exchange_traits,
    edits.change_detail,
    edits.change_detail,
)
_PAIR_EDITS: dict[str, tuple[Edit, ...]] = {
    "paraphrase": (
        edits.swap_roles,
        edits.reverse_action,
        edits.deny,
        edits.change_detail,
        edits.drop_detail,
        edits.add_detail,
        edits.generalise,
        edits.near_participant,
        edits.far_participant,
        edits.near_action,
        edits.far_action,
        edits.other_event,
        edits.other_event,
    ),
    "roles": (
        edits.swap_roles,
        edits.swap_roles,
        edits.swap_roles,
        edits.exchange_traits,
        edits.exchange_traits,
        edits.exchange_traits,
        edits.reverse_action,
        edits.deny,
        edits.far_participant,
    ),
    "taxonomy": (
        edits.generalise,
        edits.generalise,
        edits.near_participant,
        edits.far_participant,
        edits.near_action,
        edits.far_action,
        edits.drop_detail,
        edits.add_detail,
    ),
}
PAIR_SETS: tuple[str, ...] = tuple(_PAIR_EDITS)

# How much of the wording the other sentence keeps: a positive is said anew, a contradiction in
# much the same words, so that words alone do not tell them apart.
_POSITIVE_KEEP = 0.3
_NEGATIVE_KEEP = 0.6
# In pairs the share of kept words is the same for every score, so that it gives nothing away.
_PAIR_KEEP = 0.6
_MOST_EDITS = 4
_TRIES = 8


def row_generator(seed: int, kind: str, row: int) -> Random:
    """Return the generator of one row, which depends on nothing but the arguments."""
    return Random(f"{seed}/{kind}/{row}")


def weaken(rng: Random, meaning: Meaning) -> Meaning:
    """Return what follows from a meaning: the same, a detail less or a participant's kind."""
    if meaning.negated:
        return meaning  # from a denial follows nothing more general
    for _ in range(rng.randrange(3)):
        edit = rng.choice((edits.drop_detail, edits.generalise))
        meaning = edit(rng, meaning) or meaning
    return meaning


def contradict(rng: Random, meaning: Meaning, part: bool) -> Meaning:
    """Return a meaning of the same part (True: test) that contradicts the given one."""
    return edits.apply(rng, meaning, _CONTRADICTIONS, part)


def _retell(rng: Random, told: str, meaning: Meaning, words: Mapping[str, str], keep: float) -> str:
    """Return a sentence for a meaning that is not the one already told."""
    sentence = tell(rng, meaning, words, keep)
    while sentence == told:
        sentence = tell(rng, meaning, words, keep)
    return sentence


def triplets(rows: int, seed: int) -> Iterator[dict[str, Any]]:
    """Yield `rows` records {anchor, positive, negative} from the training meanings.

    The positive follows from the anchor and is mostly said in other words; the negative
    contradicts it in mostly the same words. Row i depends on the seed and i only. The cores
    (action, agent, object) of all anchors and negatives are disjoint from those of `pairs` and
    `collection`, whatever the seeds.
    """
    for row in range(rows):
        rng = row_generator(seed, "triplets", row)
        meaning = draw_meaning(rng, test=False, negated=0.1)
        words = draw_words(rng, meaning)
        anchor = tell(rng, meaning, words, keep=1.0)
        yield {
            "anchor": anchor,
            "positive": _retell(rng, anchor, weaken(rng, meaning), words, _POSITIVE_KEEP),
            "negative": tell(rng, contradict(rng, meaning, False), words, _NEGATIVE_KEEP),
        }


def _near_score(rng: Random, meaning: Meaning, wanted: float, allowed: tuple[Edit, ...]) -> Meaning:
    """Return an edited meaning whose similarity is about what is wanted."""
    best, gap = meaning, 5.0 - wanted
    for _ in range(_TRIES):
        other = meaning
        for _ in range(rng.randint(1, _MOST_EDITS)):
            other = edits.apply(rng, other, allowed, True)
            distance = abs(similarity(meaning, other) - wanted)
            if distance < gap:
                best, gap = other, distance
        if gap < 0.25:
            break
    return best


def pairs(rows: int, seed: int, name: str) -> Iterator[dict[str, Any]]:
    """Yield `rows` records {sentence1, sentence2, score} from the test meanings.

    The score, from 0 to 5 with two decimals, is the similarity of the two meanings
    (`events.similarity`), whatever their words. `name` is one of PAIR_SETS: `paraphrase` mixes
    all changes, `roles` holds swapped roles, exchanged traits and denials, `taxonomy` changes
    by distance in the taxonomy and modifiers. Row i depends on the seed, the name and i only.
    Raises ValueError for another name.
    """
    if name not in _PAIR_EDITS:
        raise ValueError(f"no pair set '{name}': it is one of {', '.join(PAIR_SETS)}")
    return _pairs(rows, seed, name)


def _pairs(rows: int, seed: int, name: str) -> Iterator[dict[str, Any]]:
    for row in range(rows):
        rng = row_generator(seed, f"pairs-{name}", row)
        meaning = draw_meaning(rng, test=True, negated=0.1)
        while name == "roles" and not edits.is_reversible(meaning):
            meaning = draw_meaning(rng, test=True, negated=0.1)
        other = _near_score(rng, meaning, rng.uniform(0, 5), _PAIR_EDITS[name])
        score = round(similarity(meaning, other), 2)
        words = draw_words(rng, meaning)
        first = tell(rng, meaning, words, keep=1.0)
        yield {
            "sentence1": first,
            "sentence2": _retell(rng, first, other, words, _PAIR_KEEP),
            "score": score,
        }
