"""Stage embed: texts into embeddings of every layer, from one pass over each text."""

RESULTS_VERSION = 2
"""Raised when the same model gives other embeddings than before."""
