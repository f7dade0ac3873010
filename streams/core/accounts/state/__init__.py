"""State of an account shard."""
