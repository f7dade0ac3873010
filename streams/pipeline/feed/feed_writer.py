"""Writing a feed as its only owner: records and how far they reach, all or nothing."""

from collections.abc import Collection, Sequence

from confluent_kafka import KafkaException

from infra.settings import Settings
from streams.errors import DeliveryError, FeedError, Fenced, LogUnavailable
from streams.pipeline.feed.resume import fed_rows, headers
from streams.pipeline.journal.kafka_log import KafkaTransactions
from streams.pipeline.journal.raw_records import RawOutput

AGAIN = "nothing is lost: run the same command again, it goes on where it stood"


class FeedWriter:
    """Making one fences the process that wrote the same feed before, even a frozen one.

    row: how many rows of the feed stand on market.data. partitions: those that its symbols belong to.
    """

    def __init__(self, settings: Settings, name: str, partitions: Collection[int]) -> None:
        """Raises DeliveryError."""
        self._settings = settings
        self._name = name
        self._partitions = partitions
        self.row = 0
        self._take_over()

    def write(self, outputs: Sequence[RawOutput], row: int) -> None:
        """One transaction, after which row rows are fed; waits while the broker is away.

        Raises DeliveryError where it is away for too long, FeedError where another process writes this feed.
        """
        records = [output._replace(headers=headers(self._name, row)) for output in outputs]
        try:
            self._writer.write(records)
        except (Fenced, LogUnavailable):
            # Not only another owner fences: a broker that was away for long has given the transaction up by itself.
            self._write_again(records, row)
        self.row = row

    def _write_again(self, records: Sequence[RawOutput], row: int) -> None:
        """Unless the transaction that failed here stands there."""
        before = self.row
        self._writer.close()
        self._take_over()
        if self.row not in (before, row):
            raise FeedError(
                f"another process feeds the same updates and has come to {self.row:,}; this one stops at {before:,}"
            )
        if self.row == row:
            return
        try:
            self._writer.write(records)
        except (Fenced, LogUnavailable) as error:
            raise DeliveryError(f"market.data: {error}; {AGAIN}") from error

    def _take_over(self) -> None:
        try:
            self._writer = KafkaTransactions(self._settings, f"feed-{self._name}")
            self.row = fed_rows(self._settings, self._name, self._partitions)
        except KafkaException as failure:
            raise DeliveryError(f"market.data: {failure.args[0].str()}; is the broker up? {AGAIN}") from failure
        except LogUnavailable as error:
            raise DeliveryError(f"market.data: {error}; {AGAIN}") from error

    def close(self) -> None:
        """Drops what was not committed."""
        self._writer.close()
