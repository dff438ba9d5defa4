"""Seconds and disk of the jobs that score stored embeddings again: fewer bits, small queries."""

from __future__ import annotations

from starbench.planning.costs import Cost, Costs
from starbench.planning.scoring import SEARCH_MEMORY, measure, passages_of, score_pairs, search_s
from starbench.run.bits import rescored_bits, scored_bits, searched_bits
from starbench.run.models import Model
from starbench.sizes import layers_of
from starbench.tracks import TRACKS


def score_bits(costs: Costs, model: Model) -> Cost:
    """Score a model's codes on every dataset of its track.

    A search over codes counts as one over what is stored: vectors are read and coded first.
    """
    config, track = costs.config, model.track
    names = scored_bits(config, track)
    if not TRACKS[track].searches:
        once = score_pairs(costs, model)
        start = costs.host.start_of(track)
        seconds = start + len(names) * (once.seconds - start)
        return Cost(seconds, once.units, stored=len(names) * once.stored)
    seconds, stored = costs.host.start_of(track), 0.0
    for task in config.tracks[track].scored:
        searches = len(searched_bits(config, track))
        seconds += searches * search_s(costs, model, task, passages_of(costs, task))
        measured = measure(costs, model, task)
        seconds += (len(names) + len(rescored_bits(config, track))) * measured.seconds
        stored += len(names) * measured.stored
    return Cost(seconds, costs.held(config.compute.evaluate), SEARCH_MEMORY, stored)


def score_asymmetric(costs: Costs, model: Model) -> Cost:
    """Search with queries of every number of layers but the passages' own."""
    config = costs.config
    others = len(layers_of(model.cells)) - 1
    seconds = costs.host.start_of(model.track)
    for task in config.tracks[model.track].scored:
        once = search_s(costs, model, task, passages_of(costs, task))
        seconds += others * (once + measure(costs, model, task).seconds)
    return Cost(seconds, costs.held(config.compute.evaluate), SEARCH_MEMORY)
