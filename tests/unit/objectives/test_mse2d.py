"""The terms of a step of 2DMSE against a second writing of its rule, for every option."""

from itertools import product

import numpy as np
import pytest

from starbench.draws import generator
from starbench.objectives.mse2d import Mse2d
from starbench.objectives.summands import Align, Step, Term
from starbench.sizes import Size

SIZES = [Size(2, 4), Size(3, 8), Size(6, 16)]
FULL = Size(6, 16)
WEIGHT = {
    "linear": lambda layer: 1 / layer,
    "log": lambda layer: 1 / (1 + np.log(layer)),
    "uniform": lambda layer: 1.0,
}


def some(values, count, draw):
    """As many of the values, ascending, none twice; all where there are no more."""
    few = 0 <= count < len(values)
    return sorted(draw.choice(values, count, replace=False).tolist()) if few else values


def expected(options, step):
    """The terms by their definition, with the draws in the order of the layers."""
    draw = generator(7, step)
    below = [1, 2, 3, 4, 5] if options["sampled_layers"] == "all" else [2, 3]
    layers = some(below, options["layers_per_step"], draw)
    found = {}
    for layer in [6, *layers]:
        for dim in some([4, 8, 16], options["dims_per_step"], draw):
            share = 1.0 if layer == 6 else WEIGHT[options["layer_weight"]](layer) / len(layers)
            found.setdefault((layer, dim), [0.0, 0.0])[0] += share
    for layer in layers:
        if options["kl_sizes"] == "layer":
            found.setdefault((layer, 16), [0.0, 0.0])[1] = options["kl_weight"]
    if options["kl_sizes"] == "size":
        for (layer, dim), factors in found.items():
            factors[1] = 0.0 if (layer, dim) == (6, 16) else options["kl_weight"]
    return found


@pytest.mark.parametrize(
    ("layers_per_step", "dims_per_step", "layer_weight", "kl_sizes", "sampled_layers"),
    product((1, 2, -1, 9), (1, 2, -1), WEIGHT, ("layer", "size"), ("all", "trained")),
)
def test_a_step_has_the_terms_of_the_definition(
    layers_per_step, dims_per_step, layer_weight, kl_sizes, sampled_layers
):
    options = {
        "layers_per_step": layers_per_step,
        "dims_per_step": dims_per_step,
        "layer_weight": layer_weight,
        "kl_sizes": kl_sizes,
        "sampled_layers": sampled_layers,
        "kl_weight": 0.7,
    }
    objective = Mse2d(objective="2dmse", **options)
    for step in range(5):
        summands = objective.terms(Step(SIZES, FULL, draw=generator(7, step)))
        summed = {}
        for summand in summands:
            (size,) = summand.trains
            factors = summed.setdefault((size.layers, size.dim), [0.0, 0.0])
            factors[isinstance(summand, Align)] += summand.weight
            if isinstance(summand, Align):
                assert summand == Align(size, FULL, summand.weight, temperature=0.3)
        assert summed == {key: pytest.approx(pair) for key, pair in expected(options, step).items()}


def test_the_full_size_is_drawn_from_even_where_it_is_not_in_the_list():
    objective = Mse2d(objective="2dmse", dims_per_step=-1, layers_per_step=-1)
    terms = objective.terms(Step([Size(1, 4)], Size(2, 8)))
    assert terms == [
        Term(Size(2, 4)),
        Term(Size(2, 8)),
        Term(Size(1, 4), 1.0),
        Term(Size(1, 8), 1.0),
        Align(Size(1, 8), Size(2, 8), 0.3, temperature=0.3),
    ]
