"""Pre-training objective `dupmae`: RetroMAE v2, with a bag of words (arXiv 2211.08769).

Loss: that of RetroMAE, with the embedding layer of the first vector for queries, plus
`bag_of_words_weight` times the cross-entropy between a text's distinct tokens and the largest
vocabulary scores of its tokens (`starbench.stages.pretrain.enhanced`).
"""

from starbench.objectives.pretraining import PretrainingObjective

PRETRAINING = PretrainingObjective(
    "dupmae",
    "retromae plus a bag of words from all other tokens (RetroMAE v2)",
    all_sizes=False,
    autoencoder=True,
    loss="starbench.stages.pretrain.enhanced:dupmae",
    examples="starbench.stages.pretrain.enhanced_masking:enhanced_example",
    decodes_all=True,
    bag_of_words=True,
)
