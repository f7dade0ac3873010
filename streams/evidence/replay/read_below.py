"""Reads a partition up to an offset."""

from collections.abc import Generator
from contextlib import closing

from streams.pipeline.journal.raw_records import RawRecord


def below(end: int, records: Generator[RawRecord, None, None]) -> Generator[RawRecord, None, None]:
    """Yields the records below an offset, and closes the reader."""
    with closing(records):
        for record in records:
            if record.offset >= end:
                return
            yield record
