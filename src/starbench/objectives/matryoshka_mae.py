"""Pre-training objective `matryoshka-mae`: SMAE without masked language modelling, an ablation.

Loss: the mean over the sizes of MAE_s (Starbucks, section 3.2). SMAE without the other half of its
loss is `matryoshka-mlm`.
"""

from starbench.objectives.pretraining import PretrainingObjective

PRETRAINING = PretrainingObjective(
    "matryoshka-mae",
    "smae without masked language modelling",
    all_sizes=True,
    autoencoder=True,
    loss="starbench.stages.pretrain.model:mae",
)
