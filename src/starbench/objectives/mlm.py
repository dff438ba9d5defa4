"""Pre-training objective `mlm`: masked language modelling at the full size."""

from starbench.objectives.pretraining import PretrainingObjective

PRETRAINING = PretrainingObjective("mlm", "full size only", all_sizes=False, autoencoder=False)
