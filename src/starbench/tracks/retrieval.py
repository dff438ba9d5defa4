"""Track `retrieval`: passages ranked for queries by exact search, measured by ir_measures."""

from starbench.tracks.track import GroupOfDatasets, Test, Track

TRACK = Track(
    name="retrieval",
    title="retrieval",
    trains=("triplets", "anchor-positive", "pairs", "training-queries"),
    scores="collection",
    mteb_type="Retrieval",
    embeds=("queries", "passages"),
    metric=lambda dataset: dataset.metric,
    groups=(
        GroupOfDatasets("retrieval", "retrieval, in domain", "Retrieval", ("tasks",)),
        GroupOfDatasets(
            "out_of_domain",
            "retrieval, out of domain",
            "Out-of-domain",
            ("out_of_domain",),
            in_domain=False,
            average="beir-average",
        ),
    ),
    tests={
        "t-test": Test("paired t-test", "Student's paired t-test"),
        "randomisation": Test(
            "paired randomisation test",
            "a paired randomisation test; both two-sided, on the values of single queries",
        ),
    },
    scorer="starbench.stages.evaluate.retrieval:score_collection",
    comparison="starbench.stages.evaluate.compared_queries:compare",
    cost="starbench.planning.scoring:score_collections",
    bits_scorer="starbench.stages.evaluate.coded_collections:score_collection",
    asymmetric_scorer="starbench.stages.evaluate.asymmetric:score_asymmetric",
    keys=frozenset({"search", "measures", "bits", "asymmetric", "embedding.query_max_length"}),
)
