"""Reproducing: what the project claims, made again by one command and compared."""
