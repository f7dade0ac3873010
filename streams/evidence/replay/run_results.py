"""Hashes the records of a re-simulation and inserts them as rows of its run."""

from collections import defaultdict
from hashlib import sha256
from typing import Any, Protocol

from schemas.avro.codec import HEADER, Codec
from schemas.memory_registry import MemoryRegistry
from schemas.records.numbers import NANOS_PER_MS
from schemas.records.output import Message
from schemas.topic_schemas import load_schema
from streams.pipeline.sink.avro_container import ContainerWriter, Row

BLOCK_ROWS = 50_000
TopicPartition = tuple[str, int]
"""Topic and partition."""


class RowStore(Protocol):
    """The tables into which rows go, as streams.pipeline.sink.tables."""

    def insert(self, topic: str, rows: list[Row], container: bytes) -> None:
        """Inserts a block."""
        ...


class RunResults:
    """Encodes records, numbers them by topic and partition and inserts them in blocks. store: None to hash only.

    time_ns: time of the input that causes the records, UTC nanoseconds. count: number of records.
    """

    def __init__(self, run_id: str, store: RowStore | None) -> None:
        self.time_ns = 0
        self.count = 0
        self._run_id = run_id
        self._store = store
        self._codec = Codec(MemoryRegistry())
        self._hashes: dict[TopicPartition, Any] = {}
        self._next: dict[TopicPartition, int] = defaultdict(int)
        self._rows: dict[str, list[Row]] = defaultdict(list)
        self._writers: dict[str, ContainerWriter] = {}
        self._encoded: tuple[str, str, Message] = ("", "", ())
        """Topic, key and message of the last record, whose copies for other partitions are not encoded again."""
        self._body = self._hashed = b""

    def add(self, topic: str, partition: int, key: str, message: Message) -> None:
        """Adds a record of a topic."""
        of_topic, of_key, of_message = self._encoded
        if message is not of_message or key != of_key or topic != of_topic:
            self._encoded = topic, key, message
            self._body = self._codec.encode(topic, message)[HEADER.size :]
            self._hashed = len(self._body).to_bytes(4, "big") + key.encode() + self._body
        place = (topic, partition)
        digest = self._hashes.get(place)
        if digest is None:
            digest = self._hashes[place] = sha256()
        digest.update(self._hashed)
        self.count += 1
        if self._store is not None:
            self._add_row(topic, partition)

    def _add_row(self, topic: str, partition: int) -> None:
        place = (topic, partition)
        offset = self._next[place]
        self._next[place] = offset + 1
        waiting = self._rows[topic]
        waiting.append(Row(partition, offset, self.time_ns // NANOS_PER_MS, self._body))
        if len(waiting) >= BLOCK_ROWS:
            self._land(topic)

    def finish(self) -> str:
        """Inserts the last blocks and returns the hash of all records. It depends on their order in each partition."""
        for topic in list(self._rows):
            self._land(topic)
        total = sha256()
        for (topic, partition), digest in sorted(self._hashes.items()):
            total.update(f"{topic}\0{partition}\0{digest.hexdigest()}\n".encode())
        return total.hexdigest()

    def _land(self, topic: str) -> None:
        rows = self._rows.pop(topic)
        if self._store is not None and rows:
            rows.sort(key=lambda row: (row.partition, row.offset))
            if topic not in self._writers:
                self._writers[topic] = ContainerWriter(load_schema(topic), self._run_id)
            self._store.insert(topic, rows, self._writers[topic].build(rows))
