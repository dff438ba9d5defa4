"""What stands between stages: manifests, records, embeddings, scores."""
