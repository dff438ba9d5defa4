"""The version of each stage's results: raised when the same config gives other numbers.

A rule that calls a command does not notice that the package behind it has changed. So each rule
has the version of its stage among its parameters, and each manifest has it too.
"""

DATA = 2
"""Raised when the same config gives other records than before."""

CHECKPOINT = 3
"""Raised when the same config gives another checkpoint than before."""

LEAKAGE = 1
"""Raised when the same records give other counts of what leaks than before."""

PRETRAIN = 3
"""Raised when the same config gives other weights of a backbone than before."""

FINETUNE = 2
"""Raised when the same config gives other weights of a model than before."""

EMBED = 2
"""Raised when the same model gives other embeddings than before."""

EVALUATE = 3
"""Raised when the same embeddings give other scores than before."""

BITS = 1
"""Raised when the same embeddings give other scores with fewer bits a number than before."""

ASYMMETRIC = 1
"""Raised when the same embeddings give other scores of queries of other layers than before."""

COMPARE = 1
"""Raised when the same scores give other p-values than before."""

MEASURE = 1
"""Raised when the same model's costs are measured or counted otherwise than before."""

EXPORT = 1
"""Raised when the same model gives other exported files than before."""

REPORT = 7
"""Raised when the same scores give other tables or figures than before."""
