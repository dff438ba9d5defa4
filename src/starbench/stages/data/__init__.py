"""Stage data: fetch datasets and checkpoints, and normalise them."""
