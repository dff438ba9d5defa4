"""Whether a track's `bits` fits the rest of the config: what is stored, searched and scored."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from starbench.config.bits import Bits, asked_of, parts_of
from starbench.sizes import Size, grid_of
from starbench.tracks import TRACKS

if TYPE_CHECKING:
    from starbench.config.config import Config

Mistake = tuple[tuple[str | int, ...], str]
"""The key to blame, and what is wrong."""

OF_SEARCHES = ("rescored", "shortlist", "funnel")


def wrong_bits(config: Config, track: str) -> Iterator[Mistake]:
    """Yield what is wrong with the `bits` of a track."""
    section, at = config.tracks[track], ("tracks", track, "bits")
    options = section.bits
    if options is None:
        return
    if not TRACKS[track].searches:
        for key in OF_SEARCHES:
            if key in options.model_fields_set:
                yield (*at, key), f"is for tracks that search, track {track} does not"
    yield from _not_stored(options, section.embedding.dtype, at)
    depth = section.searching.depth
    if "shortlist" in options.model_fields_set and options.shortlist > depth:
        text = f"{options.shortlist} passages, but the search's depth is {depth}: at most so many"
        yield (*at, "shortlist"), text
    yield from _wrong_funnel(config, track, options)


def _not_stored(options: Bits, stored: str, at: tuple[str | int, ...]) -> Iterator[Mistake]:
    """Yield representations that are stored already, or finer than what is stored."""
    asked_for = asked_of(options, stored)
    if stored in asked_for:
        where = (*at, "scored", asked_for.index(stored))
        yield where, f"{stored} is what is stored: every size is scored with it anyway"
    if stored == "float32":
        return
    text = f"the track stores {stored}, which holds no float32: set embedding.dtype to float32"
    asked: list[tuple[str, int, str]] = [("scored", i, name) for i, name in enumerate(asked_for)]
    asked += [("rescored", i, parts_of(n)[1]) for i, n in enumerate(options.rescored or [])]
    asked += [("funnel", i, step.bits) for i, step in enumerate(options.funnel)]
    for key, index, name in asked:
        if name == "float32":
            yield (*at, key, index), text


def _wrong_funnel(config: Config, track: str, options: Bits) -> Iterator[Mistake]:
    section = config.tracks[track]
    trained = config.trained_sizes
    cells = grid_of(trained) if section.grid == "full" else trained
    for index, step in enumerate(options.funnel):
        at = ("tracks", track, "bits", "funnel", index)
        size = Size(step.layers or config.full_size.layers, step.dim)
        if size not in cells:
            known = ", ".join(f"{cell.layers}/{cell.dim}" for cell in cells)
            yield at, f"no size {size.layers}/{size.dim} is scored, there are {known}"
        if step.keep is not None and step.keep > section.searching.depth:
            yield (
                (*at, "keep"),
                f"{step.keep} passages, but the search's depth is {section.searching.depth}: at "
                "most so many",
            )
