"""Reads a partition from its end to its beginning."""

from collections.abc import Generator
from contextlib import closing

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
        yield from reversed(_block(reader, topic, partition, first, behind))


def _block(reader: LogReader, topic: str, partition: int, first: int, behind: int) -> list[RawRecord]:
    block = []
    with closing(reader.read(topic, partition, first)) as records:
        for record in records:
            if record.offset >= behind:
                break
            block.append(record)
    return block
