"""Stage finetune: backbones into embedding models."""
