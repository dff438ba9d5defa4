"""Stage fine-tune: backbones into embedding models, one objective a file."""

from starbench.objectives.mrl import Mrl
from starbench.objectives.mse2d import Mse2d
from starbench.objectives.objective import Objective
from starbench.objectives.separate import Separate
from starbench.objectives.single import Single
from starbench.objectives.srl import Srl
from starbench.objectives.untouched import Untouched
from starbench.registry import Registry

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

RESULTS_VERSION = 2
"""Raised when the same config gives other numbers than before."""
