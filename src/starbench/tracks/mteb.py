"""Track `mteb`: tasks of MTEB of any type, through its own code on stored embeddings."""

from starbench.measures import TASKS
from starbench.tracks.track import GroupOfDatasets, Track

TRACK = Track(
    name="mteb",
    title="tasks of MTEB",
    trains=("triplets", "anchor-positive", "pairs", "training-queries"),
    scores="task",
    embeds=("task",),
    metric=lambda dataset: next(iter(TASKS)),
    groups=(GroupOfDatasets("mteb", "tasks of MTEB", "MTEB", ("tasks", "out_of_domain")),),
    tests={},
    scorer="starbench.stages.evaluate.mteb_tasks:score_task",
    cost="starbench.planning.scoring:score_tasks",
)
