"""A stand-in of the Hugging Face Hub on the loopback, and repositories to serve from it."""
