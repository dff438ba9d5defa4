"""Which representations of stored vectors a track scores besides what is stored."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starbench.config.bits import QUANTISED, asked_of, parts_of
from starbench.sizes import Size
from starbench.tracks import TRACKS

if TYPE_CHECKING:
    from starbench.config.config import Config


def stored_bits(config: Config, track: str) -> str:
    """Return the representation that a track's embeddings are stored in."""
    return config.tracks[track].embedding.dtype


def scored_bits(config: Config, track: str) -> list[str]:
    """Return what a track's `bits` asks for, rescored ones last; nothing if it has none."""
    options = config.tracks[track].bits
    if options is None:
        return []
    asked = asked_of(options, stored_bits(config, track))
    return [*asked, *rescored_bits(config, track)]


def rescored_bits(config: Config, track: str) -> list[str]:
    """Return what shortlists and what ranks again, as `binary+float32`."""
    options = config.tracks[track].bits
    if options is None or not TRACKS[track].searches:
        return []
    if options.rescored is not None:
        return list(options.rescored)
    stored = stored_bits(config, track)
    return [f"{name}+{stored}" for name in options.scored if name in QUANTISED]


def searched_bits(config: Config, track: str) -> list[str]:
    """Return the representations that a track's collections are searched by, each once."""
    return list(dict.fromkeys(parts_of(name)[0] for name in scored_bits(config, track)))


def funnel_sizes(config: Config, track: str) -> list[Size]:
    """Return the size of each step of a track's funnel; none if it has no funnel."""
    options = config.tracks[track].bits
    full = config.full_size.layers
    return [Size(step.layers or full, step.dim) for step in options.funnel] if options else []
