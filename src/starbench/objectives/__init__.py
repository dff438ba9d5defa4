"""What a training optimises, one file an objective."""

from starbench.objectives.objective import Objective
from starbench.objectives.pretraining import PretrainingObjective
from starbench.plugins.registry import Registry, wrong_instance, wrong_section
from starbench.section import modules_in, sections_in

OBJECTIVES: Registry[type[Objective]] = Registry(
    "objectives",
    sections_in(__name__, __path__, Objective, "objective"),
    wrong_section(Objective, "objective", "summary"),
)
"""Every fine-tuning objective by the name that the config uses."""

PRETRAINING_OBJECTIVES: Registry[PretrainingObjective] = Registry(
    "pretraining_objectives",
    {
        module.PRETRAINING.name: module.PRETRAINING
        for module in modules_in(__name__, __path__)
        if hasattr(module, "PRETRAINING")
    },
    wrong_instance(PretrainingObjective),
    lambda objective: (objective.loss, objective.examples),
)
"""Every pre-training objective by the name that the config uses."""
