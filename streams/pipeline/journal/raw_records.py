"""Records as bytes, as Kafka stores them."""

from typing import NamedTuple

Headers = tuple[tuple[str, bytes], ...]


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
