"""Trials of a strategy in one process."""
