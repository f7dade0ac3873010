"""Records that wait for their block to be full or old enough, in bounded memory."""

from __future__ import annotations

from collections.abc import Container, Iterable

from streams.journal.records import RawRecord

BLOCK_BYTES_MAX = 16 * 1024 * 1024
RECORD_BYTES = 400
"""What a waiting record costs in memory beside its bytes."""


def weight(record: RawRecord) -> int:
    """Bytes of memory that a waiting record takes."""
    headers = sum(len(name) + len(value) for name, value in record.headers)
    return RECORD_BYTES + len(record.key or b"") + len(record.value or b"") + headers


class Buffer:
    """Waiting records by topic, each partition's in the order of its offsets.

    Args:
        rows_max: a topic with so many is due.
        age_max_s: a topic whose first record waits so long is due.
        bytes_max: with so many over all topics the largest is due.
    """

    def __init__(self, rows_max: int, age_max_s: float, bytes_max: int) -> None:
        self._rows_max = rows_max
        self._age_max_s = age_max_s
        self._bytes_max = bytes_max
        self._records: dict[str, list[RawRecord]] = {}
        self._bytes: dict[str, int] = {}
        self._since: dict[str, float] = {}

    def add(self, records: Iterable[RawRecord], now: float) -> None:
        """Takes records that were just read."""
        for record in records:
            waiting = self._records.get(record.topic)
            if waiting is None:
                waiting = self._records[record.topic] = []
                self._bytes[record.topic] = 0
                self._since[record.topic] = now
            waiting.append(record)
            self._bytes[record.topic] += weight(record)

    @property
    def bytes(self) -> int:
        """Memory of all that waits."""
        return sum(self._bytes.values())

    def due(self, now: float) -> list[str]:
        """Topics whose records should land now."""
        largest = max(self._bytes, key=self._bytes.__getitem__) if self.bytes >= self._bytes_max else None
        return [
            topic
            for topic, waiting in self._records.items()
            if topic == largest
            or len(waiting) >= self._rows_max
            or self._bytes[topic] >= BLOCK_BYTES_MAX
            or now - self._since[topic] >= self._age_max_s
        ]

    def topics(self) -> list[str]:
        """Topics with waiting records."""
        return list(self._records)

    def peek(self, topic: str) -> list[RawRecord]:
        """The next block of a topic; empty if nothing waits."""
        block: list[RawRecord] = []
        size = 0
        for record in self._records.get(topic, [])[: self._rows_max]:
            size += weight(record)
            if block and size > BLOCK_BYTES_MAX:
                break
            block.append(record)
        return block

    def remove(self, topic: str, count: int) -> None:
        """Forgets a topic's first records: they have landed."""
        self._keep(topic, self._records[topic][count:])

    def discard(self, partitions: Container[tuple[str, int]]) -> None:
        """Forgets records of partitions that another sink reads now."""
        for topic, waiting in list(self._records.items()):
            kept = [record for record in waiting if (topic, record.partition) not in partitions]
            self._keep(topic, kept)

    def _keep(self, topic: str, records: list[RawRecord]) -> None:
        since = self._since[topic]
        del self._records[topic], self._bytes[topic], self._since[topic]
        self.add(records, since)
