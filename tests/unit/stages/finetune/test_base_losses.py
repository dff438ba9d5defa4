"""Every loss of sentence-transformers as a base loss: it works at every size, or it is refused.

``docs/losses.md`` has the table; a test compares.
"""

import re
from pathlib import Path

import pytest
import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer import losses
from sentence_transformers.sentence_transformer.modules import Normalize

from starbench import Size, StarbucksLoss
from starbench.errors import InputError
from starbench.stages.finetune.base_losses import INSTEAD

SIZES = [(1, 4), Size(2, 8), (4, 16)]
ROWS = 6
TABLE = Path(__file__).parents[4] / "docs" / "losses.md"

LABELS = {
    "CoSENTLoss": torch.linspace(0, 1, ROWS),
    "AnglELoss": torch.linspace(0, 1, ROWS),
    "CosineSimilarityLoss": torch.linspace(0, 1, ROWS),
    "ContrastiveLoss": torch.tensor([0, 1] * 3),
    "OnlineContrastiveLoss": torch.tensor([0, 1] * 3),
    "MarginMSELoss": torch.linspace(-1, 1, ROWS),
    "DistillKLDivLoss": torch.linspace(-1, 1, 2 * ROWS).reshape(ROWS, 2),
}
BATCH_CLASSES = torch.tensor([0, 0, 1, 1, 2, 2])
"""Of losses that find their own triplets among texts with a class."""
PAIRS = ("CoSENTLoss", "AnglELoss", "CosineSimilarityLoss", "ContrastiveLoss")
WORKING = sorted(
    {
        *LABELS,
        *(f"Batch{kind}TripletLoss" for kind in ("All", "Hard", "HardSoftMargin", "SemiHard")),
        "MultipleNegativesRankingLoss",
        "TripletLoss",
    }
)


def columns_and_labels(name, triplet_columns):
    if name.startswith("Batch"):
        return triplet_columns[:1], BATCH_CLASSES
    count = 2 if name in PAIRS or name == "OnlineContrastiveLoss" else 3
    return triplet_columns[:count], LABELS.get(name)


@pytest.mark.parametrize("name", WORKING)
def test_a_base_loss_is_computed_at_every_size(tiny_model, triplet_columns, name):
    base = getattr(losses, name)(tiny_model)
    columns, labels = columns_and_labels(name, triplet_columns)
    loss = StarbucksLoss(tiny_model, base, SIZES)
    value = loss(columns, labels)
    value.backward()
    assert torch.isfinite(value)
    gradients = [p.grad for p in tiny_model.parameters() if p.grad is not None]
    assert any(gradient.abs().max() > 0 for gradient in gradients)


@pytest.mark.parametrize("name", sorted(set(INSTEAD) & set(dir(losses))))
def test_what_cannot_be_a_base_loss_says_what_to_use(name):
    kind = getattr(losses, name)
    stand_in = kind.__new__(kind)
    with pytest.raises(InputError, match=f"{name} cannot be the base loss of several sizes: "):
        StarbucksLoss(SentenceTransformer.__new__(SentenceTransformer), stand_in, SIZES)


def test_every_loss_of_the_library_is_one_or_the_other():
    found = {
        name
        for name in losses.__all__
        if isinstance(getattr(losses, name), type) and name.endswith("Loss")
    }
    assert found - set(WORKING) - set(INSTEAD) <= OTHERS


OTHERS = {
    "ContrastiveTensionLoss",
    "ContrastiveTensionLossInBatchNegatives",
    "DenoisingAutoEncoderLoss",
    "MegaBatchMarginLoss",
}
"""Losses with a training loop, a decoder or texts of their own: refused without a remedy."""


@pytest.mark.parametrize("name", ["CoSENTLoss", "TripletLoss", "CosineSimilarityLoss"])
def test_a_loss_without_in_batch_scores_cannot_align_them(tiny_model, name):
    base = getattr(losses, name)(tiny_model)
    with pytest.raises(InputError, match=f"{name} has none: use kl_over: dims"):
        StarbucksLoss(tiny_model, base, SIZES, kl_over="scores")
    StarbucksLoss(tiny_model, base, SIZES, kl_over="scores", kl_weight=0)


@pytest.mark.parametrize(
    "wrap",
    [
        lambda model, loss: losses.MatryoshkaLoss(model, loss, [16, 8]),
        losses.AdaptiveLayerLoss,
        lambda model, loss: losses.Matryoshka2dLoss(model, loss, [16, 8]),
    ],
    ids=["MatryoshkaLoss", "AdaptiveLayerLoss", "Matryoshka2dLoss"],
)
def test_a_wrapper_that_cuts_again_is_refused(tiny_model, triplet_columns, wrap):
    base = losses.MultipleNegativesRankingLoss(tiny_model)
    wrapped = wrap(tiny_model, StarbucksLoss(tiny_model, base, SIZES))
    with pytest.raises(InputError, match="trains every size itself"):
        wrapped(triplet_columns, None)


def test_a_model_that_normalises_is_aligned_before_it_does(tiny_model, triplet_columns):
    """The KL of normalised vectors nearly vanishes."""
    plain = StarbucksLoss(tiny_model, losses.MultipleNegativesRankingLoss(tiny_model), SIZES)
    expected = plain(triplet_columns, None)
    model = SentenceTransformer(modules=[*tiny_model.children(), Normalize()], device="cpu")
    normalising = StarbucksLoss(model, losses.MultipleNegativesRankingLoss(model), SIZES)
    torch.testing.assert_close(normalising(triplet_columns, None), expected)


def test_the_page_has_every_loss():
    text = TABLE.read_text(encoding="utf-8")
    named = set(re.findall(r"`(\w+Loss\w*)`", text))
    assert named >= {*WORKING, *(set(INSTEAD) & set(dir(losses)))}
