"""Changes to a meaning: what follows from it, what contradicts it and what lies nearby."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from random import Random

from starbench.sources.miniature.events import (
    DETAILS,
    Meaning,
    draw_meaning,
    is_test,
    kinds_apart,
    values_of,
)
from starbench.sources.miniature.world import (
    ACTIONS,
    ANCESTORS,
    CONCEPTS,
    FRAMES,
    MEMBERS,
    TOP,
    TRAITS,
)

# An edit returns None where the meaning does not allow it.
Edit = Callable[[Random, Meaning], Meaning | None]


def _fits(meaning: Meaning) -> bool:
    frame = FRAMES[meaning.action]
    traits_fit = all(
        not trait or trait in TRAITS[TOP[bearer]]
        for trait, bearer in (
            (meaning.agent_trait, meaning.agent),
            (meaning.object_trait, meaning.object),
        )
    )
    roles_fit = TOP[meaning.agent] in frame.agents and TOP[meaning.object] in frame.objects
    return traits_fit and roles_fit


def _with_traits_exchanged(meaning: Meaning) -> Meaning:
    return replace(meaning, agent_trait=meaning.object_trait, object_trait=meaning.agent_trait)


def swap_roles(rng: Random, meaning: Meaning) -> Meaning | None:
    """Let the object act on the agent; traits stay with their bearers or with their roles."""
    swapped = replace(meaning, agent=meaning.object, object=meaning.agent)
    if rng.random() < 0.5:
        swapped = _with_traits_exchanged(swapped)
    return swapped if _fits(swapped) else None


def is_reversible(meaning: Meaning) -> bool:
    """Return whether the participants of an event can swap roles."""
    return _fits(Meaning(meaning.action, meaning.object, meaning.agent))


def exchange_traits(rng: Random, meaning: Meaning) -> Meaning | None:
    """Give each participant the trait of the other."""
    exchanged = _with_traits_exchanged(meaning)
    return exchanged if exchanged != meaning and _fits(exchanged) else None


def reverse_action(rng: Random, meaning: Meaning) -> Meaning | None:
    """Put the opposite action in place of the action."""
    return replace(meaning, action=CONCEPTS[meaning.action].opposite)


def deny(rng: Random, meaning: Meaning) -> Meaning | None:
    """Deny what was said, or say what was denied."""
    # "did not run quickly" would leave open whether it ran, so the manner goes.
    return replace(meaning, manner="", negated=not meaning.negated)


def change_detail(rng: Random, meaning: Meaning) -> Meaning | None:
    """Put a detail in place of one that it excludes: an opposite, or another value alike."""
    slot = rng.choice(DETAILS)
    old = getattr(meaning, slot)
    if not old:
        return None
    concept = CONCEPTS[old]
    others = [
        key
        for key in values_of(slot, meaning)
        if key != old and CONCEPTS[key].domain == concept.domain
    ]
    value = concept.opposite or rng.choice(others)
    return meaning.having(slot, value)


def drop_detail(rng: Random, meaning: Meaning) -> Meaning | None:
    """Leave out one detail."""
    filled = [slot for slot in DETAILS if getattr(meaning, slot)]
    return meaning.having(rng.choice(filled), "") if filled else None


def add_detail(rng: Random, meaning: Meaning) -> Meaning | None:
    """Fill an empty detail slot, as long as the sentence stays short."""
    empty = [slot for slot in DETAILS if not getattr(meaning, slot)]
    if meaning.negated and "manner" in empty:
        empty.remove("manner")
    if len(empty) < 2:
        return None
    slot = rng.choice(empty)
    return meaning.having(slot, rng.choice(values_of(slot, meaning)))


def generalise(rng: Random, meaning: Meaning) -> Meaning | None:
    """Name a participant or the place by a kind that it belongs to."""
    slot = rng.choice(("agent", "object", "place"))
    if slot == "place":
        kinds = ANCESTORS[meaning.place] if meaning.place else ()
    else:
        other = meaning.object if slot == "agent" else meaning.agent
        kinds = kinds_apart(getattr(meaning, slot), other)
    return meaning.having(slot, rng.choice(kinds)) if kinds else None


def _change_participant(rng: Random, meaning: Meaning, near: bool) -> Meaning | None:
    slot, other = rng.choice((("agent", "object"), ("object", "agent")))
    old, partner = getattr(meaning, slot), getattr(meaning, other)
    candidates = [
        key
        for key in MEMBERS[TOP[old]]
        if key != old
        and (CONCEPTS[key].family == CONCEPTS[old].family) is near
        and CONCEPTS[key].family != CONCEPTS[partner].family
    ]
    return meaning.having(slot, rng.choice(candidates)) if candidates else None


def near_participant(rng: Random, meaning: Meaning) -> Meaning | None:
    """Put another member of the same family in place of a participant."""
    return _change_participant(rng, meaning, near=True)


def far_participant(rng: Random, meaning: Meaning) -> Meaning | None:
    """Put a member of another family in place of a participant."""
    return _change_participant(rng, meaning, near=False)


def _change_action(rng: Random, meaning: Meaning, near: bool) -> Meaning | None:
    concept = CONCEPTS[meaning.action]
    candidates = [
        key
        for key in ACTIONS
        if key not in (concept.key, concept.opposite)
        and (CONCEPTS[key].family == concept.family) is near
    ]
    changed = replace(meaning, action=rng.choice(candidates)) if candidates else meaning
    return changed if changed != meaning and _fits(changed) else None


def near_action(rng: Random, meaning: Meaning) -> Meaning | None:
    """Put another action of the same family in place of the action."""
    return _change_action(rng, meaning, near=True)


def far_action(rng: Random, meaning: Meaning) -> Meaning | None:
    """Put an action of another family in place of the action."""
    return _change_action(rng, meaning, near=False)


def other_event(rng: Random, meaning: Meaning) -> Meaning | None:
    """Tell of another event at the same place and time."""
    fresh = draw_meaning(rng, is_test(meaning))
    return replace(fresh, place=meaning.place, time=meaning.time)


def is_leaf(meaning: Meaning) -> bool:
    """Return whether both participants are named as specifically as the world allows."""
    return len(ANCESTORS[meaning.agent]) == 2 and len(ANCESTORS[meaning.object]) == 2


def apply(rng: Random, meaning: Meaning, edits: tuple[Edit, ...], part: bool) -> Meaning:
    """Return the meaning after one random edit that it allows.

    A result with two specific participants lies in the wanted part (True: test). Raises
    AssertionError if none of the edits is possible, which the sets of edits here rule out.
    """
    for _ in range(400):
        edited = rng.choice(edits)(rng, meaning)
        if edited is not None and (not is_leaf(edited) or is_test(edited) is part):
            return edited
    raise AssertionError(f"no edit of {len(edits)} is possible for {meaning}")
