"""Pre-training objective `retromae`: mlm and enhanced decoding (arXiv 2205.12035).

Loss: MLM + the cross-entropy of every token from one decoder layer, whose queries are position
vectors plus the text's first vector (`starbench.stages.pretrain.enhanced`). Published rates of
masks: `encoder_mask_rate` .3, `decoder_mask_rate` .5.
"""

from starbench.objectives.pretraining import PretrainingObjective

PRETRAINING = PretrainingObjective(
    "retromae",
    "mlm plus enhanced decoding of every token from the embedding (RetroMAE)",
    all_sizes=False,
    autoencoder=True,
    loss="starbench.stages.pretrain.enhanced:retromae",
    examples="starbench.stages.pretrain.enhanced_masking:enhanced_example",
    decodes_all=True,
)
