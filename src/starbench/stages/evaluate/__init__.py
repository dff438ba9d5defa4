"""Stage evaluate: every size of every model scored on every dataset."""
