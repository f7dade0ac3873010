"""Keeps workers and a sink running: restarts the processes that died or make no progress."""
