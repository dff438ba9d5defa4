"""Stage export: one size of a model as a small model of its own, also as ONNX, with a card."""
