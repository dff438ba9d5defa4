"""Track `sts`: semantic textual similarity of pairs, scored by MTEB's own task code."""

from starbench.measures import PAIRS
from starbench.tracks.track import GroupOfDatasets, Test, Track

TRACK = Track(
    name="sts",
    title="semantic similarity",
    trains=("triplets", "anchor-positive", "pairs", "training-queries"),
    scores="pairs",
    mteb_type="STS",
    embeds=("pairs",),
    metric=lambda dataset: next(iter(PAIRS)),
    groups=(
        GroupOfDatasets(
            "sts",
            "semantic textual similarity",
            "STS",
            ("tasks", "out_of_domain"),
            average="sts-average",
        ),
    ),
    tests={
        "bootstrap": Test("paired bootstrap", "a paired bootstrap of the pairs"),
        "williams": Test(
            "Williams' test",
            "Williams' test of two dependent correlations. The paper does not say which one it "
            "used",
        ),
    },
    scorer="starbench.stages.evaluate.sts:score_pairs",
    comparison="starbench.stages.evaluate.compared_pairs:compare",
    cost="starbench.planning.scoring:score_pairs",
    bits_scorer="starbench.stages.evaluate.coded_pairs:score_pairs",
    keys=frozenset({"measures", "bits"}),
)
