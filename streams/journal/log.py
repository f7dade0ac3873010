"""The two small interfaces through which the protocol reads and writes topics; the in-memory twin is memory_log."""

from collections.abc import Generator
from typing import Protocol

from streams.journal.processor import Transaction
from streams.journal.records import RawRecord


class LogReader(Protocol):
    """Reads committed records."""

    def read(self, topic: str, partition: int, first_offset: int) -> Generator[RawRecord, None, None]:
        """Records of a partition from an offset up to the end as it stands when reading starts."""
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
