"""Pre-training objective `matryoshka-retromae`: RetroMAE's loss at every trained size.

Loss: the mean over the sizes of MLM_s + enhanced decoding from T_d(h_l)[CLS], the head's transform
of the size's first vector, as SMAE has it.
"""

from starbench.objectives.pretraining import PretrainingObjective

PRETRAINING = PretrainingObjective(
    "matryoshka-retromae",
    "retromae at every size",
    all_sizes=True,
    autoencoder=True,
    loss="starbench.stages.pretrain.enhanced:matryoshka_retromae",
    examples="starbench.stages.pretrain.enhanced_masking:enhanced_example",
    decodes_all=True,
)
