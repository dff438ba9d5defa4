"""Plugins: what other installed packages add, found through their entry points."""
