"""Records as bytes, as Kafka stores them."""

from typing import NamedTuple

Headers = tuple[tuple[str, bytes], ...]
UNREADABLE_HEADERS: Headers = (("headers-not-readable", b""),)
"""Stands for headers that the Kafka client can't read, because a name among them is no UTF-8."""
BATCH_OVERHEAD_BYTES = 61
RECORD_OVERHEAD_BYTES = 36
HEADER_OVERHEAD_BYTES = 10
"""Bytes at most beside the contents of a record batch with one record (Kafka documentation, "Record Batch")."""


class RawRecord(NamedTuple):
    """A record that was read. topic: base name, without prefix. timestamp_ns: Kafka's, UTC nanoseconds."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    timestamp_ns: int
    headers: Headers = ()

    @property
    def place(self) -> str:
        """Topic, partition and offset, as commands take it: `orders-1@305`."""
        return f"{self.topic}-{self.partition}@{self.offset}"


class RawOutput(NamedTuple):
    """A record to be written. topic: base name, without prefix."""

    topic: str
    partition: int
    key: bytes | None
    value: bytes | None
    headers: Headers = ()


def batch_bytes(key: bytes | None, value: bytes | None, headers: Headers) -> int:
    """Returns the size at most of a batch with this record alone, which a topic's max.message.bytes must allow.

    A client that compresses sends fewer bytes, or as many.
    """
    overhead = BATCH_OVERHEAD_BYTES + RECORD_OVERHEAD_BYTES
    extra = sum(HEADER_OVERHEAD_BYTES + len(name.encode()) + len(content) for name, content in headers)
    return overhead + len(key or b"") + len(value or b"") + extra
