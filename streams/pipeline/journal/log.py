"""The two small interfaces through which the protocol reads and writes topics; the in-memory twin is memory_log."""

from collections.abc import Generator, Iterable
from typing import Protocol

from streams.pipeline.journal.raw_records import RawRecord
from streams.pipeline.journal.transaction import Transaction


class LogReader(Protocol):
    """Reads committed records. Topics are base names."""

    def read(self, topic: str, partition: int, first_offset: int) -> Generator[RawRecord, None, None]:
        """Records of a partition from an offset up to the end as it stands when reading starts."""
        ...

    def bounds(self, topics: Iterable[str], partition: int) -> dict[str, tuple[int, int]]:
        """First offset of a partition of each topic, and the next to come."""
        ...

    def topic_ids(self, topics: Iterable[str]) -> dict[str, str]:
        """The id that Kafka gave each topic when it was made."""
        ...


class LogWriter(Protocol):
    """Writes as one owner; a later owner of the same name fences this one."""

    def commit(self, transaction: Transaction) -> int:
        """Writes all its records or none, in order. Returns the offset of the journal record.

        Raises Fenced where another owner has taken over.
        """
        ...

    def close(self) -> None:
        """Gives up what is under way."""
        ...
