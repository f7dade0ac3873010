"""Execution shards: the venue that holds orders and matches them against the market."""
