"""ClickHouse as the sink sees it: where a partition's rows end, and blocks that are inserted once."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol, TypeVar

from infra.clickhouse.client import connect
from infra.errors import ClickHouseError
from infra.kafka.topics import DLQ_PREFIX, dead_letter_topic
from infra.settings import Settings
from streams.errors import SinkError
from streams.pipeline.sink.avro_container import Row

DEAD_LETTERS = "dead_letters"
AVRO, NATIVE = "Avro", "Native"
SETTINGS = {
    "async_insert": 0,
    # A writer of an older version lacks our newest fields: they take the column's default.
    "input_format_avro_allow_missing_fields": 1,
    # No two rows of a block are the same; merges look for those of several blocks, and count what is in a column.
    "optimize_on_insert": 0,
    "materialize_statistics_on_insert": 0,
}
OUTAGE_MAX_S = 3600.0
ATTEMPTS_MAX = 5
FIRST_PAUSE_S, PAUSE_MAX_S = 0.2, 10.0
# What ClickHouse says of a record that it can't read: parsing, ranges, enum symbols, the Avro library's own errors.
UNREADABLE_CODES = frozenset({6, 27, 32, 33, 69, 70, 72, 117, 131, 321, 349, 407, 691, 748, 1001})
# Busy, out of memory, parts, space or time, or without its coordinator: it may take the same block later.
BUSY_CODES = frozenset({159, 160, 202, 203, 209, 210, 236, 241, 242, 243, 252, 319, 394, 425, 439, 999})

log = logging.getLogger(__name__)
T = TypeVar("T")
Pause = Callable[[float], None]


class BlockRefused(Exception):
    """ClickHouse can't read a block; the text is its reason. Nothing of the block was inserted."""


class SinkStopped(Exception):
    """The sink was asked to stop while it waited for ClickHouse."""


class TableClient(Protocol):
    """What of clickhouse-connect's client is used."""

    def query(self, query: str, parameters: dict[str, Any]) -> Any:
        """Its result_rows is a list of tuples."""
        ...

    def raw_insert(self, table: str, *, insert_block: bytes, fmt: str, settings: dict[str, Any]) -> Any:
        """Inserts a block."""
        ...

    def close(self) -> None:
        """Releases the connection."""
        ...


def table_of(topic: str) -> str:
    """Table of a topic by its base name: dots are underscores, all dead letters share one."""
    return DEAD_LETTERS if topic.startswith(DLQ_PREFIX) else topic.replace(".", "_")


class Span(NamedTuple):
    """A partition's records in a block: the first and the last offset, and how many they are."""

    first: int
    last: int
    rows: int


Spans = Mapping[int, Span]
"""By partition."""


def spans_of(rows: Iterable[Row]) -> dict[int, Span]:
    """What a block's rows span; those of a partition are in the order of their offsets."""
    spans: dict[int, Span] = {}
    for row in rows:
        before = spans.get(row.partition)
        spans[row.partition] = (
            Span(before.first, row.offset, before.rows + 1) if before else Span(row.offset, row.offset, 1)
        )
    return spans


class Tables:
    """The tables of one run.

    Args:
        pause: waits for some seconds while ClickHouse is away; raises SinkStopped to give up.
        open_client: raises ClickHouseError while it is.
    """

    def __init__(
        self, settings: Settings, pause: Pause, open_client: Callable[[Settings], TableClient] = connect
    ) -> None:
        self._settings = settings
        self._pause = pause
        self._open_client = open_client
        self._client: TableClient | None = None
        self._sure: set[str] = set()  # Topics of which no block that comes now was sent before.

    def close(self) -> None:
        """Releases the connection."""
        if self._client is not None:
            self._client.close()

    def ends(self, topic: str) -> dict[int, int]:
        """The highest offset of each partition of a topic that has a row in this run; reading may go on there."""
        self._sure.discard(topic)
        query = f"SELECT partition, max(offset) FROM {table_of(topic)} WHERE run_id = {{run_id:String}}"
        if topic.startswith(DLQ_PREFIX):
            query += " AND topic = {topic:String}"
        rows = self._ask(f"{query} GROUP BY partition", {"topic": topic})
        return {partition: offset for partition, offset in rows}

    def refused(self, topic: str, partition: int, first_offset: int) -> set[int]:
        """Offsets, from one on, of a partition's records that a sink refused, as far as their letters have rows."""
        query = (
            f"SELECT source_offset FROM {DEAD_LETTERS} WHERE run_id = {{run_id:String}} AND topic = {{topic:String}} "
            "AND stage = 'sink' AND source_partition = {partition:Int32} AND source_offset >= {first_offset:Int64}"
        )
        parameters = {"topic": dead_letter_topic(topic), "partition": partition, "first_offset": first_offset}
        return {offset for (offset,) in self._ask(query, parameters)}

    def _ask(self, query: str, parameters: dict[str, Any]) -> list[Any]:
        parameters |= {"run_id": self._settings.run_id}
        rows: list[Any] = self._patiently(lambda client: client.query(query, parameters).result_rows)
        return rows

    def insert(self, topic: str, rows: Sequence[Row], container: bytes) -> None:
        """Inserts a block of encoded records as insert_block does."""
        self.insert_block(topic, spans_of(rows), container, AVRO)

    def insert_block(self, topic: str, spans: Spans, block: bytes, form: str) -> None:
        """Inserts a block in a format of ClickHouse's; while that is away it waits and sends the identical block again.

        ClickHouse notes a token before it keeps the part. Killed in between it takes the block for a repetition of one
        that it does not have (measured: 1 of 57 kills). So where a block may be one that was sent before, its rows are
        counted, and if they are not there it goes under another token.

        Raises:
            BlockRefused: ClickHouse can't read the block.
            SinkError: the table is not as it must be, or ClickHouse stays away.
        """
        token = self._token(topic, spans)
        for attempt in range(ATTEMPTS_MAX):
            repeated = self._send(topic, block, form, f"{token} {attempt}" if attempt else token)
            if topic in self._sure and not repeated:
                return
            if self._holds(topic, spans):
                self._sure.add(topic)
                return
            log.warning("%s: ClickHouse took a block for one that it does not have: %s", topic, token)
        raise SinkError(
            f"{topic}: ClickHouse took a block {ATTEMPTS_MAX} times and does not have its rows: {token}; "
            "nothing is lost: look at its log, then start the sink again"
        )

    def _send(self, topic: str, block: bytes, form: str, token: str) -> bool:
        """Inserts a block; whether it had to be sent more than once."""
        settings = SETTINGS | {"insert_deduplication_token": token}
        sent = 0

        def send(client: TableClient) -> None:
            nonlocal sent
            sent += 1
            client.raw_insert(table_of(topic), insert_block=block, fmt=form, settings=settings)

        self._patiently(send)
        return sent > 1

    def _holds(self, topic: str, spans: Spans) -> bool:
        """Whether all rows of a block are there."""
        query = (
            f"SELECT uniqExact(offset) FROM {table_of(topic)} WHERE run_id = {{run_id:String}} "
            "AND partition = {partition:Int32} AND offset BETWEEN {first_offset:Int64} AND {last_offset:Int64}"
        )
        if topic.startswith(DLQ_PREFIX):
            query += " AND topic = {topic:String}"
        for partition, span in spans.items():
            parameters = {"first_offset": span.first, "last_offset": span.last}
            ((count,),) = self._ask(query, {"topic": topic, "partition": partition} | parameters)
            if count < span.rows:
                return False
        return True

    def _token(self, topic: str, spans: Spans) -> str:
        """Names the block: of each partition the first and the last offset."""
        parts = [f"{topic}:{number}:{span.first}-{span.last}" for number, span in sorted(spans.items())]
        return " ".join([self._settings.run_id, *parts])

    def _patiently(self, call: Callable[[TableClient], T]) -> T:
        from clickhouse_connect.driver.exceptions import ClickHouseError as DriverError

        pause_s, waited_s = FIRST_PAUSE_S, 0.0
        while True:
            try:
                return call(self._connected())
            except ClickHouseError as error:
                failure: Exception = error
            except DriverError as error:
                self._raise_unless_temporary(error)
                failure = error
            if waited_s >= OUTAGE_MAX_S:
                raise SinkError(
                    f"ClickHouse was away for {waited_s:.0f} s, last: {failure}; nothing is lost: start it, "
                    "then start the sink again"
                ) from failure
            log.warning("waiting %.1f s for ClickHouse: %.300s", pause_s, failure)
            self._pause(pause_s)
            waited_s += pause_s
            pause_s = min(2 * pause_s, PAUSE_MAX_S)

    def _connected(self) -> TableClient:
        if self._client is None:
            self._client = self._open_client(self._settings)
        return self._client

    @staticmethod
    def _raise_unless_temporary(error: Exception) -> None:
        code = getattr(error, "code", None)
        if code in UNREADABLE_CODES:
            raise BlockRefused(str(error)) from error
        if code is not None and code not in BUSY_CODES:
            raise SinkError(f"ClickHouse refuses the sink: {error}; are its tables up to date? `paper up`") from error
