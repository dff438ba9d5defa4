"""Stage pre-train: one backbone from another, by masked language modelling at several sizes."""

from starbench.objectives.pretraining import PretrainingObjective

PRETRAINING_OBJECTIVES: dict[str, PretrainingObjective] = {
    "mlm": PretrainingObjective(all_sizes=False, autoencoder=False),
    "matryoshka-mlm": PretrainingObjective(all_sizes=True, autoencoder=False),
    "smae": PretrainingObjective(all_sizes=True, autoencoder=True),
}
"""Every pre-training objective by the name that the config uses."""

RESULTS_VERSION = 3
"""Raised when the same config gives other weights than before."""
