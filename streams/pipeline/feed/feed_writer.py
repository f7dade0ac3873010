"""The writer of a feed: a transaction writes records together with the number of rows that are sent."""

from collections.abc import Collection, Sequence

from confluent_kafka import KafkaException

from infra.settings import Settings
from streams.errors import DeliveryError, FeedError, Fenced, LogUnavailable
from streams.pipeline.feed.resume import fed_rows, headers
from streams.pipeline.journal.kafka_log import KafkaTransactions
from streams.pipeline.journal.raw_records import RawOutput

AGAIN = "nothing is lost: run the same command again, it continues from there"


class FeedWriter:
    """The only writer of a feed: creating one fences the process that wrote the feed before, even a frozen one.

    row: number of rows of the feed that are on market.data. partitions: partitions of the feed's symbols.
    """

    def __init__(self, settings: Settings, name: str, partitions: Collection[int]) -> None:
        """Takes the feed over. Raises DeliveryError."""
        self._settings = settings
        self._name = name
        self._partitions = partitions
        self.row = 0
        self._take_over()

    def write(self, outputs: Sequence[RawOutput], row: int) -> None:
        """Writes a transaction, after which row rows are sent. Waits while the broker is away.

        Raises DeliveryError if the broker is away for too long, FeedError if another process writes this feed.
        """
        records = [output._replace(headers=headers(self._name, row)) for output in outputs]
        try:
            self._writer.write(records)
        except (Fenced, LogUnavailable):
            # Fenced may mean another owner, or that the broker aborted the transaction after it was away for long.
            self._write_again(records, row)
        self.row = row

    def _write_again(self, records: Sequence[RawOutput], row: int) -> None:
        """Takes the feed over and repeats a failed transaction, unless it was committed after all."""
        before = self.row
        self._writer.close()
        self._take_over()
        if self.row not in (before, row):
            raise FeedError(
                f"another process feeds the same updates and has sent {self.row:,}; this one stops at {before:,}"
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
        """Drops records that are not committed."""
        self._writer.close()
