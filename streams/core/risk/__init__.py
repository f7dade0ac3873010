"""Pre-trade controls of the account shard."""
