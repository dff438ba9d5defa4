"""Stage fine-tune: backbones into embedding models, one objective a file."""

from starbench.finetuning.mrl import Mrl
from starbench.finetuning.mse2d import Mse2d
from starbench.finetuning.objectives import Objective
from starbench.finetuning.separate import Separate
from starbench.finetuning.single import Single
from starbench.finetuning.srl import Srl
from starbench.finetuning.untouched import Untouched
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
