"""The world of the miniature English: its concepts, their names and how they are related."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from starbench.sources.miniature import lexicon


@dataclass(frozen=True, slots=True)
class Concept:
    """One meaning of a word: all `names` say the same, and no other concept has any of them.

    `family` is the key of the concept it is a kind of ("" at the top), `opposite` the key of
    the concept that excludes it ("" if none); `domain` groups what can fill the same slot.
    """

    key: str
    names: tuple[str, ...]
    domain: str
    family: str = ""
    opposite: str = ""


@dataclass(frozen=True, slots=True)
class Frame:
    """Who can do an action to whom: the top concepts that may fill its two roles."""

    agents: tuple[str, ...]
    objects: tuple[str, ...]


_TOPS = {"P": "person", "A": "animal", "T": "object"}


def _concept(listed: str, domain: str, family: str = "", opposite: str = "") -> Concept:
    names = tuple(listed.split("|"))
    return Concept(f"{domain}:{names[0]}", names, domain, family, opposite)


def _pair(sides: str, domain: str, families: tuple[str, str] = ("", "")) -> list[Concept]:
    left, right = (_concept(side, domain) for side in sides.split(" / "))
    return [
        Concept(left.key, left.names, domain, families[0], right.key),
        Concept(right.key, right.names, domain, families[1], left.key),
    ]


def _tops(letters: str) -> tuple[str, ...]:
    return tuple(f"entity:{_TOPS[letter]}" for letter in letters)


def _entities() -> Iterator[Concept]:
    for top_names, groups in lexicon.TAXONOMY.items():
        top = _concept(top_names, "entity")
        yield top
        for group_names, members in groups.items():
            group = _concept(group_names, "entity", top.key)
            yield group
            yield from (_concept(member, "entity", group.key) for member in members.split())


def _settings(listed: dict[str, str], domain: str) -> Iterator[Concept]:
    for group_names, members in listed.items():
        group = _concept(group_names, domain)
        yield group
        yield from (_concept(member, domain, group.key) for member in members.split(";"))


def _actions() -> Iterator[tuple[Concept, Frame]]:
    for line in lexicon.ACTIONS.strip().splitlines():
        left, right = line.split(" / ")
        agents, objects, family, verbs = left.split()
        other_family, other_verbs = right.split()
        for action in _pair(f"{verbs} / {other_verbs}", "action", (family, other_family)):
            yield action, Frame(_tops(agents), _tops(objects))


def _traits() -> Iterator[tuple[Concept, tuple[str, ...]]]:
    for line in lexicon.TRAITS.strip().splitlines():
        domain, bearers, values = line.split(" ", 2)
        for trait in _pair(values, domain):
            yield trait, _tops(bearers)
    for domain, listed in (("colour", lexicon.COLOURS), ("material", lexicon.MATERIALS)):
        for value in listed.split():
            yield _concept(value, domain), _tops("T")


def _manners() -> Iterator[Concept]:
    for line in lexicon.MANNERS.strip().splitlines():
        yield from _pair(line, "manner")


def _leaves(concepts: tuple[Concept, ...]) -> tuple[str, ...]:
    families = {concept.family for concept in concepts}
    return tuple(concept.key for concept in concepts if concept.key not in families)


def _ancestors(key: str) -> tuple[str, ...]:
    family = CONCEPTS[key].family
    return (family, *_ancestors(family)) if family in CONCEPTS else ()


def inflect(verb: str) -> tuple[str, str]:
    """Return the past form and the past participle of a verb of the lexicon."""
    if verb in lexicon.IRREGULAR:
        return lexicon.IRREGULAR[verb]
    if verb.endswith("e"):
        regular = f"{verb}d"
    elif verb.endswith("y") and verb[-2] not in "aeiou":
        regular = f"{verb[:-1]}ied"
    else:
        regular = f"{verb}ed"
    return regular, regular


_ENTITIES = tuple(_entities())
_PLACES = tuple(_settings(lexicon.PLACES, "place"))
_TIMES = tuple(_settings(lexicon.TIMES, "time"))
_FRAMED = tuple(_actions())
_BORNE = tuple(_traits())
MANNERS = tuple(concept.key for concept in _manners())
ACTIONS = tuple(action.key for action, _ in _FRAMED)
ENTITIES = _leaves(_ENTITIES)
PLACES = _leaves(_PLACES)
TIMES = _leaves(_TIMES)
FRAMES: dict[str, Frame] = {action.key: frame for action, frame in _FRAMED}
CONCEPTS: dict[str, Concept] = {
    concept.key: concept
    for concept in (
        *_ENTITIES,
        *_PLACES,
        *_TIMES,
        *_manners(),
        *(action for action, _ in _FRAMED),
        *(trait for trait, _ in _BORNE),
    )
}
# From a concept upwards, nearest first; the family of an action is a label and not a concept.
ANCESTORS: dict[str, tuple[str, ...]] = {key: _ancestors(key) for key in CONCEPTS}
TOP: dict[str, str] = {key: (key, *ANCESTORS[key])[-1] for key in CONCEPTS}
TRAITS: dict[str, tuple[str, ...]] = {
    top.key: tuple(trait.key for trait, bearers in _BORNE if top.key in bearers)
    for top in _ENTITIES
    if not top.family
}
MEMBERS: dict[str, tuple[str, ...]] = {
    top: tuple(key for key in ENTITIES if TOP[key] == top) for top in TRAITS
}
PAST, PARTICIPLE = (
    {verb: inflect(verb)[form] for action in ACTIONS for verb in CONCEPTS[action].names}
    for form in (0, 1)
)
