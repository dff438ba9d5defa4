"""Texts are embedded in batches of like length, and come back in their own order."""

import numpy as np

from starbench.stages.export.vectors import cosines, torch_embed, unit
from tests.unit.encoders.small_models import TEXTS, model_of


def test_vectors_are_in_the_order_of_the_texts(tiny_checkpoint):
    model = model_of(tiny_checkpoint)
    texts = [text for text in TEXTS for _ in range(20)] + TEXTS
    np.testing.assert_allclose(torch_embed(model)(texts), model.encode(texts), atol=1e-6)


def test_cosines_are_those_of_rows():
    first = np.array([[3.0, 4.0], [0.0, 0.0], [1e-30, 0.0]], dtype=np.float32)
    second = np.array([[4.0, 3.0], [1.0, 0.0], [-1.0, 0.0]], dtype=np.float32)
    np.testing.assert_allclose(cosines(first, second)[:2], [0.96, 0], atol=1e-12)
    np.testing.assert_allclose(unit(first[:1]), [[0.6, 0.8]], atol=1e-7)
