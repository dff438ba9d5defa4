"""Which sizes a step of SRL trains: the list, or in its ablation as many sampled pairs."""

from collections import Counter

from starbench.draws import generator
from starbench.objectives.srl import Srl
from starbench.objectives.summands import Align, Step, Term
from starbench.sizes import Size

SIZES = [Size(2, 32), Size(4, 64), Size(6, 128), Size(8, 256), Size(10, 512), Size(12, 768)]
FULL = SIZES[-1]


def steps(objective: Srl, count: int):
    """Return the terms of each of `count` steps."""
    draws = (generator(42, number) for number in range(count))
    return [objective.terms(Step(SIZES, FULL, draw=draw)) for draw in draws]


def terms_of(summands):
    return [summand for summand in summands if isinstance(summand, Term)]


def test_the_list_is_the_same_at_every_step():
    for terms in steps(Srl(objective="srl"), 20):
        assert sorted(term.size for term in terms_of(terms)) == SIZES


def test_sampled_pairs_are_as_many_as_the_list_has_with_the_full_size_among_them():
    for summands in steps(Srl(objective="srl", pairs="sampled"), 200):
        terms = terms_of(summands)
        sizes = [term.size for term in terms]
        assert len(sizes) == len(SIZES)
        assert len(set(sizes)) == len(sizes)
        assert sizes[0] == FULL
        # Equal factors on every pair: the loss differs from that of the list in the pairs alone.
        assert {term.weight for term in terms} == {1.0}
        aligned = [summand for summand in summands if isinstance(summand, Align)]
        assert aligned == [Align(size, FULL, 0.3) for size in sizes[1:]]


def test_every_pair_of_a_trained_layer_and_dimension_is_sampled_equally_often():
    count = 4000
    sampled = steps(Srl(objective="srl", pairs="sampled"), count)
    drawn = Counter(term.size for terms in sampled for term in terms_of(terms)[1:])
    cells = {Size(n, d) for n in (2, 4, 6, 8, 10, 12) for d in (32, 64, 128, 256, 512, 768)}
    assert set(drawn) == cells - {FULL}
    expected = count * 5 / 35
    # Five standard deviations of a binomial with p = 1/7.
    assert all(abs(times - expected) < 5 * (expected * 6 / 7) ** 0.5 for times in drawn.values())


def test_the_pairs_of_a_step_are_a_function_of_its_draw():
    objective = Srl(objective="srl", pairs="sampled")
    first = steps(objective, 30)
    assert first == steps(objective, 30)
    assert len({tuple(term.size for term in terms_of(terms)) for terms in first}) > 20


def test_the_grid_is_every_pair_of_a_trained_layer_and_dimension_at_every_step():
    cells = {Size(n, d) for n in (2, 4, 6, 8, 10, 12) for d in (32, 64, 128, 256, 512, 768)}
    for summands in steps(Srl(objective="srl", pairs="grid"), 3):
        sizes = [term.size for term in terms_of(summands)]
        assert sizes[0] == FULL
        assert sizes[1:] == sorted(cells - {FULL})
        aligned = [summand for summand in summands if isinstance(summand, Align)]
        assert aligned == [Align(size, FULL, 0.3) for size in sizes[1:]]


def test_the_full_size_alone_has_its_weight():
    (summands,) = steps(Srl(objective="srl", full_weight=5.0), 1)
    weights = {term.size: term.weight for term in terms_of(summands)}
    assert weights == dict.fromkeys(SIZES[:-1], 1.0) | {FULL: 5.0}
