"""Execution shards: simulated venues that hold orders and match them against the market."""
