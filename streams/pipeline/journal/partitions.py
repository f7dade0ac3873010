"""Which partition a key belongs to: murmur2, as the Java client and librdkafka's murmur2_random."""

from functools import lru_cache

from aiokafka.partitioner import murmur2


@lru_cache(maxsize=100_000)
def partition_of(key: str, partitions: int) -> int:
    """Partition of a key among partitions."""
    return (int(murmur2(key.encode())) & 0x7FFFFFFF) % partitions
