"""The buffer of the sink: records that wait until their block is full or old enough, in bounded memory."""

from __future__ import annotations

from collections.abc import Container, Iterable

import numpy as np

from streams.pipeline.sink.column_batch import ColumnBatch

BLOCK_BYTES_MAX = 64 * 1024 * 1024


class Buffer:
    """Waiting records by topic, ordered by offset within a partition.

    Args:
        rows_max: number of records with which a topic is due.
        age_max_s: waiting time of the first record with which a topic is due.
        bytes_max: size of all topics with which the largest topic is due.
    """

    def __init__(self, rows_max: int, age_max_s: float, bytes_max: int) -> None:
        self._rows_max = rows_max
        self._age_max_s = age_max_s
        self._bytes_max = bytes_max
        self._batches: dict[str, list[ColumnBatch]] = {}
        self._rows: dict[str, int] = {}
        self._bytes: dict[str, int] = {}
        self._since: dict[str, float] = {}

    def add(self, batches: Iterable[ColumnBatch], now: float) -> None:
        """Adds records that were just read. now: monotonic seconds."""
        for batch in batches:
            topic = batch.topic
            if topic not in self._batches:
                self._batches[topic] = []
                self._rows[topic] = self._bytes[topic] = 0
                self._since[topic] = now
            self._batches[topic].append(batch)
            self._rows[topic] += len(batch)
            self._bytes[topic] += int(batch.weights.sum())

    @property
    def bytes(self) -> int:
        """Memory of all waiting records."""
        return sum(self._bytes.values())

    def due(self, now: float) -> list[str]:
        """Returns the topics whose records should be inserted now."""
        largest = max(self._bytes, key=self._bytes.__getitem__) if self.bytes >= self._bytes_max else None
        return [
            topic
            for topic, rows in self._rows.items()
            if topic == largest
            or rows >= self._rows_max
            or self._bytes[topic] >= BLOCK_BYTES_MAX
            or now - self._since[topic] >= self._age_max_s
        ]

    def topics(self) -> list[str]:
        """Returns the topics with waiting records."""
        return list(self._batches)

    def peek(self, topic: str) -> list[ColumnBatch]:
        """Returns the next block of a topic: whole batches and the beginning of one more; empty if none waits."""
        block: list[ColumnBatch] = []
        rows, room = self._rows_max, BLOCK_BYTES_MAX
        for batch in self._batches.get(topic, []):
            weights = np.cumsum(batch.weights[:rows])
            fitting = int(np.searchsorted(weights, room, side="right"))
            count = fitting or (0 if block else 1)
            if count:
                block.append(batch.part(0, count))
            if count < len(batch):
                break
            rows -= count
            room -= int(weights[-1])
        return block

    def remove(self, topic: str, count: int) -> None:
        """Removes the first records of a topic, which have landed."""
        kept = []
        for batch in self._batches[topic]:
            skipped = min(count, len(batch))
            count -= skipped
            if skipped < len(batch):
                kept.append(batch.part(skipped, len(batch)))
        self._keep(topic, kept)

    def discard(self, partitions: Container[tuple[str, int]]) -> None:
        """Removes the records of partitions that another sink reads now."""
        for topic, waiting in list(self._batches.items()):
            self._keep(topic, [batch for batch in waiting if (topic, batch.partition) not in partitions])

    def _keep(self, topic: str, batches: list[ColumnBatch]) -> None:
        since = self._since[topic]
        del self._batches[topic], self._rows[topic], self._bytes[topic], self._since[topic]
        self.add(batches, since)
