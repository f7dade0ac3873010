"""Divides the records of a partition into stretches that, written one after another, get the offsets they had.

Kafka gives each record the next offset, and spends one on the marker that ends a transaction. Readers see neither the
markers nor the records of aborted transactions. So a gap of one offset behind some records is made by committing them
in a transaction, and a larger one by an aborted transaction of records that nobody reads.
"""

from collections.abc import Iterable, Iterator
from enum import Enum
from typing import NamedTuple

from streams.pipeline.journal.raw_records import RawRecord, batch_bytes

RECORDS_MAX = 5_000
BYTES_MAX = 1024 * 1024
"""Bound of a stretch, unless its only record is larger."""


class Written(Enum):
    """The way in which a stretch is written."""

    PLAIN = "without a transaction"
    COMMITTED = "in a transaction, whose marker takes one more offset"
    ABORTED = "in a transaction that is aborted: fillers and a marker"


class Stretch(NamedTuple):
    """Records that are written together. fillers: number of records that nobody reads, in place of records."""

    how: Written
    records: list[RawRecord]
    fillers: int = 0


def stretches(records: Iterable[RawRecord], end: int) -> Iterator[Stretch]:
    """Yields the stretches from the first record up to the end of the partition, the next offset to be written."""
    run, size = list[RawRecord](), 0
    for record in records:
        if run:
            gap = record.offset - run[-1].offset - 1
            if gap:
                yield from _closed(run, gap)
                run, size = [], 0
            elif len(run) == RECORDS_MAX or size > BYTES_MAX:
                yield Stretch(Written.PLAIN, run)
                run, size = [], 0
        run.append(record)
        size += batch_bytes(record.key, record.value, record.headers)
    if run:
        yield from _closed(run, end - run[-1].offset - 1)


def _closed(run: list[RawRecord], gap: int) -> Iterator[Stretch]:
    if gap == 1:
        yield Stretch(Written.COMMITTED, run)
        return
    yield Stretch(Written.PLAIN, run)
    if gap:
        yield Stretch(Written.ABORTED, [], gap - 1)
