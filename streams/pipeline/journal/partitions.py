"""The partitioner: murmur2, as in the Java client and in librdkafka's murmur2_random."""

from functools import lru_cache

from aiokafka.partitioner import murmur2


@lru_cache(maxsize=100_000)
def partition_of(key: str, partitions: int) -> int:
    """Returns the partition of a key. partitions: their number."""
    return (int(murmur2(key.encode())) & 0x7FFFFFFF) % partitions
