"""Short coherent documents for pre-training: the same events told again in other words."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from random import Random
from typing import Any

from starbench.sources.miniature import edits
from starbench.sources.miniature.events import Meaning, draw_meaning
from starbench.sources.miniature.records import row_generator, weaken
from starbench.sources.miniature.surface import (
    Style,
    draw_words,
    name_of,
    pronoun,
    say,
    tell,
    with_article,
)
from starbench.sources.miniature.world import ANCESTORS, CONCEPTS, PARTICIPLE, PAST

_FEWEST_WORDS, _MOST_WORDS = 30, 76  # when to stop adding sentences
_FEWEST_SENTENCES, _MOST_SENTENCES = 3, 7
_KEEP = 0.3  # the share of names that a retelling takes over


def describe(rng: Random, meaning: Meaning) -> str:
    """Return a sentence on a trait of a participant and what it excludes ("" without one)."""
    role = rng.choice(("agent", "object"))
    trait = getattr(meaning, f"{role}_trait")
    if not trait:
        return ""
    noun = name_of(rng, getattr(meaning, role))
    concept = CONCEPTS[trait]
    if not concept.opposite:
        return f"the {noun} was {name_of(rng, trait)}."
    form = rng.choice(("was {0} and not {1}", "was not {1} but {0}", "was never {1}"))
    return f"the {noun} {form.format(name_of(rng, trait), name_of(rng, concept.opposite))}."


def classify(rng: Random, meaning: Meaning) -> str:
    """Return a sentence that places a participant in the taxonomy or gives its other name."""
    entity = rng.choice((meaning.agent, meaning.object))
    names = CONCEPTS[entity].names
    one = with_article("a", rng.choice(names))
    if len(names) > 1 and rng.random() < 0.4:
        other = with_article("a", rng.choice([name for name in names if name not in one.split()]))
        return f"{one} is the same as {other}."
    near, far = (with_article("a", name_of(rng, key)) for key in ANCESTORS[entity])
    form = rng.choice(("{0} is {1}", "{0} is {2}", "{0} is {1}, and so it is {2}"))
    return form.format(one, near, far) + "."


def judge(rng: Random, meaning: Meaning) -> str:
    """Return a sentence on the family that the action belongs to."""
    if meaning.negated:
        return ""
    form = rng.choice(("it was a matter of {0}.", "to {1} {2} is a matter of {0}."))
    action = CONCEPTS[meaning.action]
    other = with_article("a", name_of(rng, rng.choice(ANCESTORS[meaning.object])))
    return form.format(action.family, rng.choice(action.names), other)


def ask(rng: Random, meaning: Meaning) -> str:
    """Return a question on who took part, with its answer."""
    if meaning.negated:
        return ""
    words = draw_words(rng, meaning)
    verb = words[meaning.action]
    agent, other = words[meaning.agent], words[meaning.object]
    if rng.random() < 0.5:
        kind = name_of(rng, rng.choice(ANCESTORS[meaning.agent]))
        return f"which {kind} {PAST[verb]} the {other}? it was the {agent}."
    kind = name_of(rng, rng.choice(ANCESTORS[meaning.object]))
    return f"which {kind} was {PARTICIPLE[verb]} by the {agent}? it was the {other}."


def rule_out(rng: Random, meaning: Meaning) -> str:
    """Return the denial of an event that contradicts the one told."""
    if meaning.negated:
        return ""
    edit = rng.choice((edits.swap_roles, edits.reverse_action, edits.far_participant))
    bare = replace(meaning, manner="", agent_trait="", object_trait="")
    other = edit(rng, bare)
    return tell(rng, replace(other, negated=True)) if other else ""


def locate(rng: Random, meaning: Meaning) -> str:
    """Return a sentence on where or when all of it happened."""
    slot = rng.choice(("place", "time"))
    key = getattr(meaning, slot)
    return f"all this happened {name_of(rng, key)}." if key else ""


def point_out(rng: Random, meaning: Meaning) -> str:
    """Return a sentence that identifies the agent by what it did."""
    if meaning.negated:
        return ""
    words = draw_words(rng, meaning)
    verb, agent = words[meaning.action], words[meaning.agent]
    relative = pronoun(meaning.agent)
    kind = name_of(rng, ANCESTORS[meaning.agent][-1])
    return f"the {kind} {relative} {PAST[verb]} the {words[meaning.object]} was the {agent}."


_REMARKS: tuple[Callable[[Random, Meaning], str], ...] = (
    describe,
    describe,
    classify,
    judge,
    ask,
    rule_out,
    rule_out,
    locate,
    point_out,
)


def remark(rng: Random, meaning: Meaning) -> str:
    """Return a further sentence on an event that was told; it never tells another event."""
    sentence = ""
    while not sentence:
        sentence = rng.choice(_REMARKS)(rng, meaning)
    return sentence


def _sequel(rng: Random, first: Meaning) -> Meaning:
    """Return what happened next: another event with one of the participants."""
    edited = rng.choice((edits.far_participant, edits.near_action))(rng, first) or first
    return replace(edited, agent_trait=first.agent_trait) if edited.agent == first.agent else edited


def _is_long_enough(text: str, words: int) -> bool:
    sentences = text.count(".") + text.count("?")
    enough = sentences >= _FEWEST_SENTENCES and text.count(" ") + 1 >= words
    return enough or sentences >= _MOST_SENTENCES


def _document(rng: Random) -> str:
    first = draw_meaning(rng, negated=0.05)
    words = draw_words(rng, first)
    style = Style(article="the" if first.negated else "a", front=rng.choice(("", "time")))
    sentences = [say(first, words, style), tell(rng, weaken(rng, first), words, _KEEP)]
    events = [first]
    if rng.random() < 0.5:
        events.append(_sequel(rng, first))
        sentences.append(tell(rng, events[1], words, _KEEP))
    wanted = rng.randint(_FEWEST_WORDS, _MOST_WORDS)
    while not _is_long_enough(" ".join(sentences), wanted):
        event = rng.choice(events)
        again = rng.random() < 0.35
        added = tell(rng, weaken(rng, event), words, _KEEP) if again else remark(rng, event)
        if added not in sentences:
            sentences.append(added)
    return " ".join(sentences)


def texts(rows: int, seed: int) -> Iterator[dict[str, Any]]:
    """Yield `rows` records {text}: documents of 3 to 8 sentences and about 30 to 90 words.

    The few participants of a document recur under other names, and its events are told again in
    another form. All meanings occur, those of the test part included. Row i depends on the seed
    and i only.
    """
    for row in range(rows):
        yield {"text": _document(row_generator(seed, "texts", row))}
