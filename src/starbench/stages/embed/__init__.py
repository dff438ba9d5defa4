"""Stage embed: texts into embeddings of every layer, from one pass over each text."""
