"""What a training optimises, one file an objective."""

from starbench.objectives.objective import Objective
from starbench.objectives.pretraining import PretrainingObjective
from starbench.section import Registry, modules_in, sections_in

OBJECTIVES: Registry[Objective] = sections_in(__name__, __path__, Objective, "objective")
"""Every fine-tuning objective by the name that the config uses."""

PRETRAINING_OBJECTIVES: dict[str, PretrainingObjective] = {
    module.PRETRAINING.name: module.PRETRAINING
    for module in modules_in(__name__, __path__)
    if hasattr(module, "PRETRAINING")
}
"""Every pre-training objective by the name that the config uses."""
