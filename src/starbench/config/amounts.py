"""How much is worked on at a time, where the config does not say: for stages and the planner."""

TOKENS_PER_BATCH = {"cpu": 2048, "cuda": 65536}
"""Padded tokens of one forward pass that embeds, by PyTorch's name of the device."""

LOGIT_BYTES = {"cpu": 2**25, "cuda": 2**28}
"""Of the scores of a vocabulary that one matrix product computes, at most, likewise."""

SOFTMAX_BYTES = {"cpu": 2**20, "cuda": 2**29}
"""Of those in float32 whose softmax is computed together: on a processor what its caches hold."""

PAD_TO = 8
"""Texts of pre-training are padded to a multiple of so many tokens."""

HARD_NEGATIVES = 7
"""Of each training query in a batch."""

QUERIES_PER_BLOCK = 1024
"""Queries that are searched together: the passages are read once for them."""

MOST_PASSAGES_TIMED = 100_000
"""Passages of which a search is timed, at most: a larger collection takes as many times longer."""

CHECKPOINTS_KEPT = 2
"""Of a training that runs."""

HELD_BACK = 0.1
"""Share of each label's examples that nothing is trained on, where the config does not say."""
