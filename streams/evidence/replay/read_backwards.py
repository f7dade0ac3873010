"""Reads a partition from its end to its beginning."""

from collections.abc import Generator

from streams.evidence.replay.read_below import below
from streams.pipeline.journal.log import LogReader
from streams.pipeline.journal.raw_records import RawRecord

BLOCK_OFFSETS = 50_000
"""Offsets that are read at once, and held in memory."""


def from_the_end(reader: LogReader, topic: str, partition: int) -> Generator[RawRecord, None, None]:
    """Yields the records of a partition, the last one first. Raises LogUnavailable."""
    low, end = reader.bounds([topic], partition)[topic]
    first = max(low, end - BLOCK_OFFSETS)
    yield from reversed(list(reader.read(topic, partition, first)))
    while first > low:
        behind, first = first, max(low, first - BLOCK_OFFSETS)
        yield from reversed(list(below(behind, reader.read(topic, partition, first))))
