"""Keeps workers and a sink running: restarts those that died or stand still, and says so."""
