"""Finds records below a partition's highest row that are no rows, and hands them out to be landed again.

The sink notes up to which offset all records of a partition have landed, and how many of them are rows. If ClickHouse
still has so many rows there, only later offsets are compared. Offsets without a row are usual: transaction markers,
aborted and refused records have none. So Kafka is read where offsets are missing, and only there.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from time import monotonic
from typing import NamedTuple

from streams.pipeline.journal.log import LogReader
from streams.pipeline.journal.raw_records import RawRecord
from streams.pipeline.journal.record_blocks import record_blocks
from streams.pipeline.sink.run_topics import RunTable
from streams.pipeline.sink.tables import Place, rows_of

COMPLETE_ROWS = "complete_rows"
CHUNK_OFFSETS = 1_000_000
"""Offsets that a query compares, which bounds its memory."""
SEEK_OFFSETS = 20_000
"""Distance of two gaps from which opening a new reader is cheaper than reading what lies between them."""
BLOCK_ROWS_MAX, BLOCK_BYTES_MAX = 10_000, 16 * 1024 * 1024
PROGRESS_S = 10.0

Gap = tuple[int, int]
"""First and last offset that have no row."""

log = logging.getLogger(__name__)


class Completeness(NamedTuple):
    """All records of a partition before the offset `end` have landed; `rows` of them are rows."""

    end: int
    rows: int


class MissingRows:
    """The search for missing rows of a run.

    Args:
        tables: the rows.
        reader: the records.
    """

    def __init__(self, tables: RunTable, reader: LogReader) -> None:
        self._tables = tables
        self._reader = reader

    def completeness(self, topic: str) -> dict[int, Completeness]:
        """Returns the newest notes of a topic by partition."""
        query = (
            f"SELECT partition, argMax((end_offset, rows), noted) FROM {COMPLETE_ROWS} "
            "WHERE run_id = {run_id:String} AND topic = {topic:String} GROUP BY partition"
        )
        return {partition: Completeness(*noted) for partition, noted in self._tables.query(query, {"topic": topic})}

    def note(self, partitions: Mapping[Place, Completeness]) -> None:
        """Keeps how complete partitions are, for the next start."""
        rows = [
            {"topic": topic, "partition": partition, "end_offset": complete.end, "rows": complete.rows}
            for (topic, partition), complete in partitions.items()
        ]
        if rows:
            self._tables.append(COMPLETE_ROWS, rows)

    def count(self, topic: str, ends: Mapping[int, int]) -> dict[int, int]:
        """Returns the number of a topic's rows before an offset, by partition. Duplicates count once."""
        query = (
            f"SELECT partition, groupBitmap(toUInt64(offset)) FROM {rows_of(topic)} "
            "AND offset < transform(partition, {partitions:Array(Int32)}, {ends:Array(Int64)}, toInt64(0)) "
            "GROUP BY partition"
        )
        parameters = {"topic": topic, "partitions": list(ends), "ends": list(ends.values())}
        return dict.fromkeys(ends, 0) | dict(self._tables.query(query, parameters))

    def find(self, topic: str, ends: Mapping[int, int]) -> Iterator[list[RawRecord]]:
        """Yields the missing records before an offset of each partition, in blocks ordered by offset."""
        noted = {partition: complete for partition, complete in self.completeness(topic).items() if partition in ends}
        found = self.count(topic, {partition: complete.end for partition, complete in noted.items()}) if noted else {}
        for partition, end in ends.items():
            until, rows = noted.get(partition, Completeness(0, 0))
            if rows != found.get(partition, 0):
                log.warning(
                    "%s-%d: %d rows before offset %d, but %d have landed; all offsets are compared with Kafka",
                    topic, partition, found.get(partition, 0), until, rows,
                )  # fmt: skip
                until = 0
            if until < end:
                yield from self._missing(topic, partition, until, end)

    def _missing(self, topic: str, partition: int, first: int, end: int) -> Iterator[list[RawRecord]]:
        low, _ = self._reader.bounds([topic], partition)[topic]
        gaps = list(self._gaps(topic, partition, max(first, low), end))
        if not gaps:
            return
        log.info("%s-%d: comparing %d gaps from offset %d to %d", topic, partition, len(gaps), first, end)
        yield from record_blocks(self._records(topic, partition, gaps), BLOCK_ROWS_MAX, BLOCK_BYTES_MAX)

    def _gaps(self, topic: str, partition: int, first: int, end: int) -> Iterator[Gap]:
        query = (
            "SELECT previous, offset FROM (SELECT offset, max(offset) OVER () AS highest, "
            "lagInFrame(offset, 1, {expected:Int64} - 1) OVER "
            "(ORDER BY offset ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) AS previous "
            f"FROM (SELECT DISTINCT offset FROM {rows_of(topic)} AND partition = {{partition:Int32}} "
            "AND offset >= {first_offset:Int64} AND offset < {end_offset:Int64})) "
            "WHERE offset > previous + 1 OR offset = highest ORDER BY offset"
        )
        expected = first
        for chunk in range(first, end, CHUNK_OFFSETS):
            parameters = {"expected": expected, "first_offset": chunk, "end_offset": min(chunk + CHUNK_OFFSETS, end)}
            for previous, offset in self._tables.query(query, {"topic": topic, "partition": partition} | parameters):
                if offset > previous + 1:
                    yield previous + 1, offset - 1
                expected = offset + 1

    def _records(self, topic: str, partition: int, gaps: list[Gap]) -> Iterator[RawRecord]:
        """Yields the records in gaps."""
        reported = monotonic()
        for near in _near(gaps):
            waiting = deque(near)
            with closing(self._reader.read(topic, partition, near[0][0])) as records:
                for record in records:
                    while waiting and record.offset > waiting[0][1]:
                        waiting.popleft()
                    if not waiting:
                        break
                    if record.offset >= waiting[0][0]:
                        yield record
                    if monotonic() - reported >= PROGRESS_S:
                        reported = monotonic()
                        log.info("%s-%d: compared up to offset %d of %d", topic, partition, record.offset, gaps[-1][1])


def _near(gaps: Iterable[Gap]) -> Iterator[list[Gap]]:
    """Groups gaps that one reader reads."""
    group: list[Gap] = []
    for gap in gaps:
        if group and gap[0] - group[-1][1] > SEEK_OFFSETS:
            yield group
            group = []
        group.append(gap)
    if group:
        yield group
