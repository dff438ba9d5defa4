"""Tests of what a config resolves to."""
