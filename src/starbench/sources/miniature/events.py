"""Meanings of sentences: who did what to whom, how they are drawn and how alike two of them are."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from functools import cache
from random import Random
from typing import Any

from starbench.sources.miniature.world import (
    ACTIONS,
    ANCESTORS,
    CONCEPTS,
    FRAMES,
    MANNERS,
    MEMBERS,
    PLACES,
    TIMES,
    TOP,
    TRAITS,
)

# One core in this many is kept for the graded pairs and the retrieval collection.
_TEST_SHARE = 5
_DETAIL_CHANCE = (
    ("agent_trait", 0.6),
    ("object_trait", 0.6),
    ("place", 0.6),
    ("time", 0.45),
    ("manner", 0.35),
)
_MOST_DETAILS = 4
_DETAIL_WEIGHTS = {
    "agent_trait": 0.3,
    "object_trait": 0.3,
    "place": 0.25,
    "time": 0.2,
    "manner": 0.15,
}


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a sentence says: keys of concepts in the slots of one event ("" for an empty slot)."""

    action: str
    agent: str
    object: str
    agent_trait: str = ""
    object_trait: str = ""
    place: str = ""
    time: str = ""
    manner: str = ""
    negated: bool = False

    def having(self, slot: str, key: str) -> Meaning:
        """Return the meaning with another concept in one slot ("" empties it)."""
        changed: dict[str, Any] = {slot: key}
        return replace(self, **changed)


DETAILS = tuple(_DETAIL_WEIGHTS)


@cache
def _core_is_test(action: str, one: str, other: str) -> bool:
    frame = "|".join(sorted((action, CONCEPTS[action].opposite)))
    core = f"{frame}|{'|'.join(sorted((one, other)))}"
    return hashlib.blake2b(core.encode(), digest_size=2).digest()[0] % _TEST_SHARE == 0


def is_test(meaning: Meaning) -> bool:
    """Return whether the core of a meaning is kept for testing.

    A core is the action, the agent and the object. An action and its opposite share a core, and
    so do an event and the one with its two roles swapped: what contradicts a meaning of one
    part stays in that part.
    """
    return _core_is_test(meaning.action, meaning.agent, meaning.object)


def kinds_apart(one: str, other: str) -> tuple[str, ...]:
    """Return the concepts above `one` that are not above (nor the same as) `other`."""
    shared = (other, *ANCESTORS[other])
    return tuple(key for key in ANCESTORS[one] if key not in shared)


def _draw_core(rng: Random) -> tuple[str, str, str]:
    action = rng.choice(ACTIONS)
    frame = FRAMES[action]
    agent = rng.choice(MEMBERS[rng.choice(frame.agents)])
    other = rng.choice(MEMBERS[rng.choice(frame.objects)])
    # Two members of one family could not be told apart by the name of that family.
    while CONCEPTS[other].family == CONCEPTS[agent].family:
        other = rng.choice(MEMBERS[rng.choice(frame.objects)])
    return action, agent, other


def values_of(slot: str, meaning: Meaning) -> tuple[str, ...]:
    """Return the concepts that may fill a detail slot of a meaning."""
    if slot == "agent_trait":
        return TRAITS[TOP[meaning.agent]]
    if slot == "object_trait":
        return TRAITS[TOP[meaning.object]]
    return {"place": PLACES, "time": TIMES, "manner": MANNERS}[slot]


def draw_meaning(rng: Random, test: bool | None = None, negated: float = 0.0) -> Meaning:
    """Return a random meaning with up to four details.

    `test` asks for the test part (True), the training part (False) or any (None); `negated` is
    the probability that the sentence denies the event.
    """
    action, agent, other = _draw_core(rng)
    while test is not None and _core_is_test(action, agent, other) is not test:
        action, agent, other = _draw_core(rng)
    core = Meaning(action, agent, other, negated=rng.random() < negated)
    slots = [slot for slot, chance in _DETAIL_CHANCE if rng.random() < chance]
    if core.negated and "manner" in slots:
        slots.remove("manner")  # "did not run quickly" would leave open whether it ran
    if len(slots) > _MOST_DETAILS:
        slots.remove(rng.choice(slots))
    details = {slot: rng.choice(values_of(slot, core)) for slot in slots}
    return Meaning(action, agent, other, **details, negated=core.negated)


def is_a(key: str, kind: str) -> bool:
    """Return whether a concept is the other one or a kind of it."""
    return key == kind or kind in ANCESTORS[key]


def same_event(told: Meaning, asked: Meaning) -> bool:
    """Return whether the first meaning tells of the event of the second, whatever the details."""
    return (
        told.action == asked.action
        and told.negated == asked.negated
        and is_a(told.agent, asked.agent)
        and is_a(told.object, asked.object)
    )


def relevance(told: Meaning, asked: Meaning) -> int:
    """Return how well what is told answers what is asked.

    2: it says all of it; 1: it says the same event and leaves out some detail; 0: it is about
    another event or contradicts a detail.
    """
    if not same_event(told, asked):
        return 0
    missing = False
    for slot in DETAILS:
        wanted, given = getattr(asked, slot), getattr(told, slot)
        if wanted and not given:
            missing = True
        elif wanted and not is_a(given, wanted):
            return 0
    return 1 if missing else 2


def _alike_entities(one: str, other: str) -> float:
    if one == other:
        return 1.0
    if is_a(one, other) or is_a(other, one):
        return 0.85 if abs(len(ANCESTORS[one]) - len(ANCESTORS[other])) == 1 else 0.65
    shared = sum(key in ANCESTORS[other] for key in ANCESTORS[one])
    return (0.0, 0.15, 0.45)[shared]


def _alike_actions(one: str, other: str) -> float:
    if one == other:
        return 1.0
    if CONCEPTS[one].opposite == other:
        return 0.1
    return 0.4 if CONCEPTS[one].family == CONCEPTS[other].family else 0.0


def _alike_details(one: str, other: str) -> float:
    if one == other:
        return 1.0
    if not one or not other:
        return 0.5
    if is_a(one, other) or is_a(other, one):
        return 0.8
    family = CONCEPTS[one].family
    return 0.25 if family and family == CONCEPTS[other].family else 0.0


def similarity(one: Meaning, other: Meaning) -> float:
    """Return how alike two meanings are, from 0 (unrelated) to 5 (the same).

    The weaker of "same action" and "same participants in the same roles" counts twice, for a
    sentence about another action or with the roles swapped is another event. Details take away
    at most half, a denial more than half.
    """
    action = _alike_actions(one.action, other.action)
    straight = _alike_entities(one.agent, other.agent) + _alike_entities(one.object, other.object)
    crossed = _alike_entities(one.agent, other.object) + _alike_entities(one.object, other.agent)
    participants = max(straight / 2, 0.25 * crossed / 2)
    core = 0.25 * (action + participants) + 0.5 * min(action, participants)
    total = gained = 0.0
    for slot, weight in _DETAIL_WEIGHTS.items():
        mine, theirs = getattr(one, slot), getattr(other, slot)
        if mine or theirs:
            total += weight
            gained += weight * _alike_details(mine, theirs)
    details = gained / total if total else 1.0
    polarity = 1.0 if one.negated == other.negated else 0.4
    return 5 * core * (0.5 + 0.5 * details) * polarity
