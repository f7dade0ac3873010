"""A copy of Kafka's records as rows in a database of its own, landed by the sink's own code to compare rows with."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from uuid import uuid4

from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError as DriverError

from infra.clickhouse.client import connect
from infra.errors import ClickHouseError
from infra.kafka.topics import BY_NAME
from infra.settings import Settings
from schemas.avro.codec import SchemaSource
from streams.evidence.cut import TABLES
from streams.evidence.replay.read_below import below
from streams.pipeline.journal.kinds import JOURNALS
from streams.pipeline.journal.log import LogReader
from streams.pipeline.journal.partition_ends import Ends
from streams.pipeline.journal.record_blocks import record_blocks
from streams.pipeline.sink.column_batch import of_records
from streams.pipeline.sink.landing import Landing
from streams.pipeline.sink.tables import DEAD_LETTERS, Tables, table_of

PROVED_TOPICS = tuple(name for name, topic in BY_NAME.items() if not topic.compacted and name not in JOURNALS)
"""Topics whose records Kafka keeps for ever. The replay proves the journals; no evidence reads what is compacted."""
PROVED_TABLES = tuple(dict.fromkeys(map(table_of, PROVED_TOPICS)))
BLOCK_ROWS, BLOCK_BYTES = 50_000, 32 * 1024 * 1024
PROGRESS_S = 5.0


class RecordCopy:
    """The copy. Records that the sink would refuse have no row here either.

    Args:
        pipeline: settings of the pipeline, and with the run's name.
        settings: the same, with the database of the copy.
        source: the schemas of the records.
    """

    def __init__(
        self,
        pipeline: Settings,
        settings: Settings,
        reader: LogReader,
        source: SchemaSource,
        on_progress: Callable[[str], None],
    ) -> None:
        self.pipeline = pipeline
        self.settings = settings
        self._reader = reader
        self._on_progress = on_progress
        self._tables = Tables(settings, time.sleep)
        self._landing = Landing(self._tables, source, lambda letters: None, settings.run_id)
        self._next: dict[tuple[str, int], int] = {}

    def extend(self, ends: Ends) -> None:
        """Lands the records before the end of each partition that the copy does not have yet.

        Raises as Landing.land does, and LogUnavailable.
        """
        for (topic, partition), end in sorted(ends.items()):
            start = self._next.get((topic, partition), 0)
            if start < end and topic in PROVED_TOPICS:
                self._land(topic, partition, start, end)
                self._next[topic, partition] = end
        self._landing.settle()

    def close(self) -> None:
        """Releases the connection."""
        self._landing.close()
        self._tables.close()

    def _land(self, topic: str, partition: int, start: int, end: int) -> None:
        reported, landed = time.monotonic(), 0
        records = below(end, self._reader.read(topic, partition, start))
        for block in record_blocks(records, BLOCK_ROWS, BLOCK_BYTES):
            self._landing.land(topic, of_records(block))
            landed += len(block)
            if time.monotonic() - reported > PROGRESS_S:
                reported = time.monotonic()
                self._on_progress(f"reading {topic}-{partition}: {landed:,} records")


@contextmanager
def record_copy(
    settings: Settings, reader: LogReader, source: SchemaSource, on_progress: Callable[[str], None] = lambda _: None
) -> Iterator[RecordCopy]:
    """Opens an empty copy beside the pipeline's database, and removes it at the end. Raises ClickHouseError."""
    beside = settings.model_copy(update={"clickhouse_database": f"{settings.clickhouse_database}_{uuid4().hex[:12]}"})
    with closing(connect(settings)) as client:
        try:
            _create(client, settings.clickhouse_database, beside.clickhouse_database)
            with closing(RecordCopy(settings, beside, reader, source, on_progress)) as copy:
                yield copy
        finally:
            client.command(f"DROP DATABASE IF EXISTS {beside.clickhouse_database}")


def cut_ends(ends: Mapping[str, Sequence[int]]) -> Ends:
    """Returns the ends of the partitions behind the last offsets of a cut."""
    return {(topic, partition): last + 1 for topic, lasts in ends.items() for partition, last in enumerate(lasts)}


def _create(client: Client, database: str, copy: str) -> None:
    try:
        client.command(f"CREATE DATABASE {copy}")
        for table in (*TABLES, DEAD_LETTERS):
            # A plain MergeTree, whose merges drop no row.
            client.command(
                f"CREATE TABLE {copy}.{table} AS {database}.{table} ENGINE = MergeTree ORDER BY (partition, offset)"
            )
    except DriverError as error:
        raise ClickHouseError(f"a copy of the tables of {database}: {error}") from error
