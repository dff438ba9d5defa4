"""Every key of a run, one module a section."""
