"""Every key of a run, one module per section."""
