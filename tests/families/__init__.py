"""Every family of encoders on tiny random models: what is measured, and the table of it."""
