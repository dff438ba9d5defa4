"""Track `classification`: labels of texts, told by linear heads, probes and nearest neighbours."""

from starbench.measures import LABELS
from starbench.tracks.track import GroupOfDatasets, Test, Track

TRACK = Track(
    name="classification",
    title="classification",
    trains=("labelled", "triplets", "anchor-positive", "pairs", "training-queries"),
    scores="labelled",
    mteb_type="Classification",
    embeds=("texts", "examples"),
    metric=lambda dataset: next(iter(LABELS)),
    groups=(
        GroupOfDatasets(
            "classification",
            "classification",
            "Classification",
            ("tasks", "out_of_domain"),
        ),
    ),
    tests={
        "mcnemar": Test("McNemar's test", "McNemar's exact test of the texts that one gets right"),
        "randomisation": Test(
            "paired randomisation test", "a paired randomisation test of the texts"
        ),
    },
    scorer="starbench.stages.evaluate.classification:score_labels",
    comparison="starbench.stages.evaluate.compared_texts:compare",
    cost="starbench.planning.scoring:score_labels",
    keys=frozenset({"held_back"}),
    exits=True,
)
