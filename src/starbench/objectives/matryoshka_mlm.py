"""Pre-training objective `matryoshka-mlm`: masked language modelling at every trained size."""

from starbench.objectives.pretraining import PretrainingObjective

PRETRAINING = PretrainingObjective(
    "matryoshka-mlm", "mean over the sizes", all_sizes=True, autoencoder=False
)
