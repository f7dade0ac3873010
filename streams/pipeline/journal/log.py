"""The two interfaces through which the journal reads and writes topics; memory_log implements them in memory."""

from collections.abc import Generator, Iterable
from typing import Protocol

from streams.pipeline.journal.raw_records import RawRecord
from streams.pipeline.journal.transaction import Transaction


class LogReader(Protocol):
    """A reader of committed records. Topics are base names."""

    def read(self, topic: str, partition: int, first_offset: int) -> Generator[RawRecord, None, None]:
        """Yields the records of a partition from an offset up to the end at the time of the call."""
        ...

    def bounds(self, topics: Iterable[str], partition: int) -> dict[str, tuple[int, int]]:
        """Returns the first offset and the end of a partition, by topic. The end is the next offset to be written."""
        ...

    def topic_ids(self, topics: Iterable[str]) -> dict[str, str]:
        """Returns the id that Kafka gave each topic at its creation."""
        ...


class LogWriter(Protocol):
    """A writer that owns a name; a later owner of the same name fences it."""

    def commit(self, transaction: Transaction) -> int:
        """Writes all records of a transaction or none, in order, and returns the offset of the journal record.

        Raises Fenced if another owner has taken over.
        """
        ...

    def close(self) -> None:
        """Drops records that are not committed."""
        ...
