"""What a training optimises, one file an objective."""

from starbench.objectives.mrl import Mrl
from starbench.objectives.mse2d import Mse2d
from starbench.objectives.objective import Objective
from starbench.objectives.pretraining import PretrainingObjective
from starbench.objectives.separate import Separate
from starbench.objectives.single import Single
from starbench.objectives.srl import Srl
from starbench.objectives.untouched import Untouched
from starbench.section import Registry

OBJECTIVES: Registry[Objective] = Registry(
    {
        "untouched": Untouched,
        "single": Single,
        "separate": Separate,
        "mrl": Mrl,
        "2dmse": Mse2d,
        "srl": Srl,
    }
)
"""Every fine-tuning objective by the name that the config uses."""

PRETRAINING_OBJECTIVES: dict[str, PretrainingObjective] = {
    "mlm": PretrainingObjective(all_sizes=False, autoencoder=False),
    "matryoshka-mlm": PretrainingObjective(all_sizes=True, autoencoder=False),
    "smae": PretrainingObjective(all_sizes=True, autoencoder=True),
}
"""Every pre-training objective by the name that the config uses."""
