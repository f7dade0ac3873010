"""The protocol around a shard: raw records in, one transaction with outputs, journal and snapshots out, and recovery."""
