"""Pre-training objective `matryoshka-dupmae`: the loss of RetroMAE v2 at every trained size.

Loss: the mean over the sizes of what `dupmae` has at the full one, from the head's transform T_d
of each size's states, as SMAE has it.
"""

from starbench.objectives.pretraining import PretrainingObjective

PRETRAINING = PretrainingObjective(
    "matryoshka-dupmae",
    "dupmae at every size",
    all_sizes=True,
    autoencoder=True,
    loss="starbench.stages.pretrain.enhanced:matryoshka_dupmae",
    examples="starbench.stages.pretrain.enhanced_masking:enhanced_example",
    decodes_all=True,
    bag_of_words=True,
)
