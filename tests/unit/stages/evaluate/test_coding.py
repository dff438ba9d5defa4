"""Representations of vectors, against their definitions written out with numpy."""

import numpy as np
import pytest
import torch

from starbench.errors import InputError
from starbench.stages.evaluate.coding import coder_of


@pytest.fixture
def vectors():
    """Return texts to calibrate on, passages and queries (.., 6) of uneven spread and mean."""
    draw = np.random.default_rng(0)
    spread, mean = np.array([3, 1, 0.2, 1, 1, 5]), np.array([1, 0, 0, -2, 0.5, 0])
    return [
        (draw.standard_normal((rows, 6)) * spread + mean).astype(np.float32) for rows in (40, 30, 5)
    ]


def unit(vectors):
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def scores_of(coder, queries, passages):
    asked = coder.queries(torch.from_numpy(queries.copy()))
    codes = coder.passages(torch.from_numpy(passages.copy()))
    products = asked.codes.double() @ codes.double().T
    return (asked.offsets[:, None] + asked.factors[:, None] * products).numpy()


@pytest.mark.parametrize("is_unit", [True, False])
def test_int8_is_the_range_of_each_dimension_in_254_steps(vectors, is_unit):
    texts, passages, queries = vectors
    coder = coder_of("int8", is_unit, "none", texts, "these texts")
    codes = coder.passages(torch.from_numpy(passages.copy())).numpy()
    seen, told, asked = (unit(v) if is_unit else v for v in (texts, passages, queries))
    low, high = seen.min(axis=0), seen.max(axis=0)
    middle, step = (low + high) / 2, (high - low) / 254
    expected = np.clip(np.rint((told - middle) / step), -127, 127)
    assert codes.dtype == np.int8
    assert (codes == expected).mean() > 0.99
    np.testing.assert_allclose(codes, expected, atol=1)
    assert np.abs(expected).max() == 127
    np.testing.assert_allclose(
        coder.vectors(torch.from_numpy(codes)), middle + step * codes, atol=1e-6
    )
    # Queries have codes too: scores are those of float queries up to half a step of them.
    scores = scores_of(coder, queries, passages)
    exact = asked @ (middle + step * codes).T
    weighed = np.abs(asked * step)
    half_a_step = weighed.max(axis=1) / 127 / 2
    bound = half_a_step[:, None] * np.abs(codes.astype(float)).sum(axis=1)[None]
    assert (np.abs(scores - exact) <= bound + 1e-5).all()


def test_binary_is_the_sign_and_its_score_the_cosine_of_the_signs(vectors):
    _, passages, queries = vectors
    coder = coder_of("binary", True, "none", np.empty((0, 6), np.float32), "no texts")
    scores = scores_of(coder, queries, passages)
    differing = ((queries > 0)[:, None] != (passages > 0)[None]).sum(axis=2)
    np.testing.assert_allclose(scores, 1 - 2 * differing / 6, atol=1e-6)


def test_float16_rounds_passages_and_leaves_queries(vectors):
    _, passages, queries = vectors
    coder = coder_of("float16", True, "none", np.empty((0, 6), np.float32), "no texts")
    rounded = unit(passages).astype(np.float16).astype(np.float32)
    np.testing.assert_allclose(
        scores_of(coder, queries, passages), unit(queries) @ rounded.T, atol=2e-6
    )


@pytest.mark.parametrize("rotation", ["pca", "whitening"])
def test_a_rotation_comes_before_the_codes(vectors, rotation):
    texts, passages, _ = vectors
    coder = coder_of("binary", True, rotation, texts, "these texts")
    centred = texts.astype(np.float64) - texts.mean(axis=0, dtype=np.float64)
    _, values, directions = np.linalg.svd(centred, full_matrices=False)
    rotated = (passages - texts.mean(axis=0)) @ directions.T
    if rotation == "whitening":
        rotated /= values / np.sqrt(len(texts))
    found = coder.passages(torch.from_numpy(passages.copy())).numpy()
    # A component's sign is free: a column of codes may be the other way round.
    agreeing = (found == np.where(rotated > 0, 1, -1)).mean(axis=0)
    assert (np.maximum(agreeing, 1 - agreeing) > 0.95).all()


def test_a_dimension_without_a_range_has_the_code_0_and_is_counted(vectors):
    texts, passages, queries = vectors
    texts[:, 2] = 1.5
    coder = coder_of("int8", False, "none", texts, "these texts")
    assert coder.constant == 1
    codes = coder.passages(torch.from_numpy(passages.copy()))
    assert (codes[:, 2] == 0).all()
    assert np.isfinite(scores_of(coder, queries, passages)).all()
    np.testing.assert_allclose(coder.vectors(codes)[:, 2], 1.5)


def test_vectors_of_zeros_score_0_and_codes_without_a_sign_are_counted(vectors):
    texts, passages, queries = vectors
    passages[3] = queries[1] = 0
    for name in ("float16", "binary", "int8"):
        coder = coder_of(name, True, "none", texts, "these texts")
        scores = scores_of(coder, queries, passages)
        assert np.isfinite(scores).all()
        if name == "float16":
            assert (scores[1] == 0).all() and (scores[:, 3] == 0).all()
    blank = coder_of("binary", True, "none", texts, "").passages(torch.from_numpy(-abs(passages)))
    assert coder_of("binary", True, "none", texts, "").blank(blank) == len(passages)


def test_too_few_texts_to_calibrate_on_are_refused(vectors):
    texts, *_ = vectors
    with pytest.raises(InputError, match="one text to calibrate on, int8 needs 2 or more"):
        coder_of("int8", True, "none", texts[:1], "one text")
    text = r"6 texts to calibrate on, the rotation pca of 6 dimensions needs 7 or more"
    with pytest.raises(InputError, match=text):
        coder_of("binary", True, "pca", texts[:6], "6 texts")


def test_values_that_float16_does_not_hold_are_refused(vectors):
    _, passages, _ = vectors
    passages[0, 0] = 1e5
    coder = coder_of("float16", False, "none", np.empty((0, 6), np.float32), "no texts")
    with pytest.raises(InputError, match="above 65504, which float16 does not hold"):
        coder.passages(torch.from_numpy(passages))
