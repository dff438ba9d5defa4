"""Stage evaluate: every size of every model scored on every dataset."""

RESULTS_VERSION = 2
"""Raised when the same embeddings give other scores than before."""

COMPARISON_VERSION = 1
"""Raised when the same scores give other p-values than before."""
