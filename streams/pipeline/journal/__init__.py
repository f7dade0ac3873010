"""The protocol around a shard: records in, one transaction with outputs, journal and snapshot out; recovery."""
