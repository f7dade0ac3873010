"""Records as bytes, as they stand on the topics."""

from typing import NamedTuple

Headers = tuple[tuple[str, bytes], ...]


class RawRecord(NamedTuple):
    """A record read: topic is the base name, without prefix; timestamp_ns is the Kafka time."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    timestamp_ns: int
    headers: Headers = ()


class RawOutput(NamedTuple):
    """A record to write: topic is the base name, without prefix."""

    topic: str
    partition: int
    key: bytes | None
    value: bytes | None
    headers: Headers = ()
