"""A tiny RoBERTa, which counts positions from behind the id of its padding."""

from transformers import AutoTokenizer, RobertaConfig, RobertaModel


def roberta(folder, source, **options):
    """Write a RoBERTa of the tiny vocabulary into a folder."""
    config = RobertaConfig(
        vocab_size=42,
        hidden_size=16,
        num_hidden_layers=4,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=34,
        **options,
    )
    model = RobertaModel(config)
    model.save_pretrained(folder)
    AutoTokenizer.from_pretrained(source).save_pretrained(folder)
    return model
