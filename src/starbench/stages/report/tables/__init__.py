"""Tables of a run, functions of its scores."""
