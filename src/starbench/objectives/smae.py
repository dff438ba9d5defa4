"""Pre-training objective `smae`: Starbucks' masked auto-encoder at every trained size."""

from starbench.objectives.pretraining import PretrainingObjective

PRETRAINING = PretrainingObjective(
    "smae",
    "matryoshka-mlm plus a masked auto-encoder at each size (Starbucks)",
    all_sizes=True,
    autoencoder=True,
    loss="starbench.stages.pretrain.model:smae",
)
