"""How a meaning is said: the choice of words, of voice and of the order of the parts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from random import Random

from starbench.sources.miniature.events import Meaning
from starbench.sources.miniature.world import CONCEPTS, PARTICIPLE, PAST, TOP

_SLOTS = ("action", "agent", "object", "agent_trait", "object_trait", "place", "time", "manner")
_VOICES = (*["active"] * 3, *["passive"] * 3, "agent-cleft", "object-cleft")


@dataclass(frozen=True, slots=True)
class Style:
    """The form of a sentence, apart from its words."""

    voice: str = "active"
    front: str = ""
    article: str = "the"
    clause: str = ""
    early_manner: bool = False
    never: bool = False


def draw_style(rng: Random, meaning: Meaning) -> Style:
    """Return a random form that the meaning can be said in."""
    voice = rng.choice(_VOICES[:6] if meaning.negated else _VOICES)
    cleft = voice.endswith("cleft")
    front = "" if cleft else rng.choice(("", "", "time", "place"))
    article = "the" if cleft or meaning.negated or rng.random() < 0.7 else "a"
    clause = "" if cleft else rng.choice(("", "", "", "agent", "object"))
    return Style(voice, front, article, clause, rng.random() < 0.5, rng.random() < 0.3)


def draw_words(
    rng: Random, meaning: Meaning, like: Mapping[str, str] | None = None, keep: float = 0.0
) -> dict[str, str]:
    """Return a name for each concept of a meaning.

    For a concept that has a name in `like`, that name is kept with probability `keep`, else
    another one is drawn (if there is one).
    """
    words: dict[str, str] = {}
    for slot in _SLOTS:
        key = getattr(meaning, slot)
        if key and key not in words:
            words[key] = name_of(rng, key, (like or {}).get(key, ""), keep)
    return words


def name_of(rng: Random, key: str, known: str = "", keep: float = 0.0) -> str:
    """Return one of the names of a concept; see `draw_words` for `known` and `keep`."""
    names = CONCEPTS[key].names
    if not known:
        return rng.choice(names)
    if rng.random() < keep or len(names) == 1:
        return known
    return rng.choice([name for name in names if name != known])


def with_article(article: str, phrase: str) -> str:
    """Return the phrase after its article, with "an" before a vowel."""
    return f"{'an' if article == 'a' and phrase[0] in 'aeiou' else article} {phrase}"


def pronoun(entity: str) -> str:
    """Return the relative pronoun for an entity: "who" for persons, else "which"."""
    return "who" if TOP[entity] == "entity:person" else "which"


def _noun_phrase(entity: str, trait: str, words: Mapping[str, str], style: Style, role: str) -> str:
    noun = words[entity]
    if trait and style.clause == role:
        return f"{with_article(style.article, noun)}, {pronoun(entity)} was {words[trait]},"
    return with_article(style.article, f"{words[trait]} {noun}" if trait else noun)


def _predicate(verb: str, manner: str, negated: bool, style: Style) -> tuple[str, str]:
    """Return the active and the passive form of the verb with its manner and denial."""
    early = f"{manner} " if manner and style.early_manner else ""
    late = f" {manner}" if manner and not style.early_manner else ""
    if not negated:
        return f"{early}{PAST[verb]}|{late}", f"was {early}{PARTICIPLE[verb]}|{late}"
    if style.never:
        return f"never {early}{PAST[verb]}|{late}", f"was never {early}{PARTICIPLE[verb]}|{late}"
    return f"did not {early}{verb}|{late}", f"was not {early}{PARTICIPLE[verb]}|{late}"


def _clause(meaning: Meaning, words: Mapping[str, str], style: Style) -> str:
    agent = _noun_phrase(meaning.agent, meaning.agent_trait, words, style, "agent")
    other = _noun_phrase(meaning.object, meaning.object_trait, words, style, "object")
    manner = words[meaning.manner] if meaning.manner else ""
    forms = _predicate(words[meaning.action], manner, meaning.negated, style)
    active, late = forms[0].split("|")
    passive = forms[1].split("|")[0]
    if style.voice == "passive":
        return f"{other} {passive} by {agent}{late}"
    if style.voice == "agent-cleft":
        return f"it was {agent} that {active} {other}{late}"
    if style.voice == "object-cleft":
        return f"it was {other} that {agent} {active}{late}"
    return f"{agent} {active} {other}{late}"


def say(meaning: Meaning, words: Mapping[str, str], style: Style) -> str:
    """Return the sentence for a meaning in the given words and form, with its full stop."""
    parts = [_clause(meaning, words, style)]
    for slot, key in (("place", meaning.place), ("time", meaning.time)):
        if key and style.front == slot:
            parts.insert(0, f"{words[key]},")
        elif key:
            parts.append(words[key])
    # A clause at the end of the sentence closes with the full stop alone.
    return " ".join(parts).removesuffix(",") + "."


def tell(
    rng: Random, meaning: Meaning, like: Mapping[str, str] | None = None, keep: float = 0.0
) -> str:
    """Return a sentence for a meaning in a random form; see `draw_words` for `like` and `keep`."""
    return say(meaning, draw_words(rng, meaning, like, keep), draw_style(rng, meaning))
