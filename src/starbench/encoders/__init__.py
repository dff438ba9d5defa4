"""Transformers as the project uses them: cut to their first layers, with fast attention."""
