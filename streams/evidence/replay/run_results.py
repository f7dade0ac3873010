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
    """Encodes records, numbers them by topic and partition and inserts them in blocks. store: None to hash only."""

    def __init__(self, run_id: str, store: RowStore | None) -> None:
        self.count = 0
        self._run_id = run_id
        self._store = store
        self._codec = Codec(MemoryRegistry())
        self._hashes: dict[TopicPartition, Any] = {}
        self._next: dict[TopicPartition, int] = defaultdict(int)
        self._rows: dict[str, list[Row]] = defaultdict(list)
        self._writers: dict[str, ContainerWriter] = {}

    def add(self, topic: str, partition: int, key: str, message: Message, time_ns: int) -> None:
        """Adds a record of a topic."""
        body = self._codec.encode(topic, message)[HEADER.size :]
        place = (topic, partition)
        if place not in self._hashes:
            self._hashes[place] = sha256()
        digest = self._hashes[place]
        digest.update(len(body).to_bytes(4, "big"))
        digest.update(key.encode())
        digest.update(body)
        self.count += 1
        offset = self._next[place]
        self._next[place] = offset + 1
        if self._store is not None:
            waiting = self._rows[topic]
            waiting.append(Row(partition, offset, time_ns // NANOS_PER_MS, body))
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
