"""Batches of records as columns, which avoid work for each record; keys and headers are read only on demand."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby, pairwise
from operator import itemgetter
from typing import Any

import numpy as np
from confluent_kafka import Message

from schemas.records.messages import Ints
from schemas.records.numbers import NANOS_PER_MS
from streams.pipeline.journal.kafka_records import raw_record, read_headers
from streams.pipeline.journal.raw_records import RawRecord

RECORD_BYTES = 400
"""Memory that a waiting record takes in addition to its bytes."""


@dataclass(frozen=True, slots=True)
class ColumnBatch:
    """Records of a partition, ordered by offset, as columns of equal length.

    timestamps_ms: Kafka's, UTC epoch milliseconds. weights: memory of each record in bytes. sources: the messages or
    records themselves. raw: converts a source to a record.
    """

    topic: str
    partition: int
    offsets: Ints
    timestamps_ms: Ints
    values: list[bytes | None]
    weights: Ints
    sources: Sequence[Any]
    raw: Callable[[Any], RawRecord]

    def __len__(self) -> int:
        return len(self.values)

    def records(self) -> Iterator[RawRecord]:
        """Yields the records."""
        return map(self.raw, self.sources)

    def part(self, start: int, stop: int) -> ColumnBatch:
        """Returns the records from start to stop."""
        rows = slice(start, stop)
        return replace(
            self,
            offsets=self.offsets[rows],
            timestamps_ms=self.timestamps_ms[rows],
            values=self.values[rows],
            weights=self.weights[rows],
            sources=self.sources[rows],
        )


def of_records(records: Iterable[RawRecord]) -> list[ColumnBatch]:
    """Returns batches of records, one for each run of records of the same partition."""
    return [_of_run(list(run)) for _, run in groupby(records, key=lambda record: (record.topic, record.partition))]


def _of_run(run: list[RawRecord]) -> ColumnBatch:
    values = [record.value for record in run]
    extras = [len(record.key or b"") + _header_bytes(record.headers) for record in run]
    weights = RECORD_BYTES + np.array(extras) + [len(value or b"") for value in values]
    offsets = np.array([record.offset for record in run])
    times = np.array([record.timestamp_ns // NANOS_PER_MS for record in run])
    return ColumnBatch(run[0].topic, run[0].partition, offsets, times, values, weights, run, lambda record: record)


def of_messages(messages: Sequence[Message], bases: Mapping[str, str]) -> list[ColumnBatch]:
    """Returns batches of messages, which must have no errors. bases: base name of each topic."""
    numbers = {name: number for number, name in enumerate(bases)}
    topics = np.fromiter(map(numbers.__getitem__, map(Message.topic, messages)), np.int64, len(messages))  # type: ignore[arg-type]
    partitions = np.fromiter(map(Message.partition, messages), np.int64, len(messages))
    cuts = np.flatnonzero((np.diff(topics) != 0) | (np.diff(partitions) != 0)) + 1
    names = [*bases.values()]
    return [
        _of_messages(messages[start:stop], names[topics[start]], int(partitions[start]))
        for start, stop in pairwise((0, *cuts.tolist(), len(messages)))
        if start < stop
    ]


def _of_messages(run: Sequence[Message], topic: str, partition: int) -> ColumnBatch:
    count = len(run)
    values: list[Any] = [*map(Message.value, run)]
    weights = np.full(count, RECORD_BYTES)
    for column in (values, [*map(Message.key, run)]):
        present = column if None not in column else [item or b"" for item in column]
        weights += np.fromiter(map(len, present), np.int64, count)
    headers = read_headers(run)
    if any(headers):
        weights += [_header_bytes(some or ()) for some in headers]
    offsets = np.fromiter(map(Message.offset, run), np.int64, count)
    times = np.fromiter(map(itemgetter(1), map(Message.timestamp, run)), np.int64, count)
    return ColumnBatch(
        topic, partition, offsets, times, values, weights, run, lambda message: raw_record(message, topic)
    )


def _header_bytes(headers: Any) -> int:
    return sum(len(name) + len(value or b"") for name, value in headers)
