"""What lies between stages: manifests, records, embeddings, scores."""
