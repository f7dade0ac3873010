"""The sink's tables in ClickHouse: where a partition's rows end, and inserting each block exactly once."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol, TypeVar

from infra.clickhouse.client import connect
from infra.errors import ClickHouseError
from infra.kafka.topics import DLQ_PREFIX, dead_letter_topic
from infra.settings import Settings
from streams import figures
from streams.errors import SinkError
from streams.pipeline.sink.avro_container import Row

DEAD_LETTERS = "dead_letters"
AVRO, NATIVE, JSON_LINES = "Avro", "Native", "JSONEachRow"
SETTINGS = {
    "async_insert": 0,
    # Records of older writers lack our newest fields, which take the defaults of their columns.
    "input_format_avro_allow_missing_fields": 1,
    # The rows of a block are distinct. Merges remove duplicates between blocks and compute statistics.
    "optimize_on_insert": 0,
    "materialize_statistics_on_insert": 0,
}
OUTAGE_MAX_S = 3600.0
ATTEMPTS_MAX = 5
FIRST_PAUSE_S, PAUSE_MAX_S = 0.2, 10.0
# ClickHouse can't read a record: parsing, ranges, enum symbols, errors of the Avro library.
UNREADABLE_CODES = frozenset({6, 27, 32, 33, 69, 70, 72, 117, 131, 321, 349, 407, 691, 748, 1001})
# ClickHouse is busy, out of memory, parts, space or time, or lacks its coordinator: it may accept the block later.
BUSY_CODES = frozenset({159, 160, 202, 203, 209, 210, 236, 241, 242, 243, 252, 319, 394, 425, 439, 999})

log = logging.getLogger(__name__)
T = TypeVar("T")
Pause = Callable[[float], None]


class BlockRefused(Exception):
    """ClickHouse can't read a block, and has inserted nothing of it. The text is ClickHouse's reason."""


class SinkStopped(Exception):
    """The sink was asked to stop while it waited for ClickHouse."""


class TableClient(Protocol):
    """The methods of clickhouse-connect's client that the sink uses."""

    def query(self, query: str, parameters: dict[str, Any]) -> Any:
        """Returns a result whose result_rows is a list of tuples."""
        ...

    def raw_insert(self, table: str, *, insert_block: bytes, fmt: str, settings: dict[str, Any]) -> Any:
        """Inserts a block."""
        ...

    def close(self) -> None:
        """Releases the connection."""
        ...


def table_of(topic: str) -> str:
    """Returns the table of a topic: its base name with underscores for dots; one table for all dead letters."""
    return DEAD_LETTERS if topic.startswith(DLQ_PREFIX) else topic.replace(".", "_")


def rows_of(topic: str) -> str:
    """Returns the table of a topic and the condition for its rows of a run, with the parameters run_id and topic."""
    rows = f"{table_of(topic)} WHERE run_id = {{run_id:String}}"
    return f"{rows} AND topic = {{topic:String}}" if topic.startswith(DLQ_PREFIX) else rows


class Span(NamedTuple):
    """The records of a partition in a block: first and last offset, and their number."""

    first: int
    last: int
    rows: int


Place = tuple[str, int]
"""Base topic and partition."""
Spans = Mapping[int, Span]
"""By partition."""


def spans_of(rows: Iterable[Row]) -> dict[int, Span]:
    """Returns the spans of rows, which are ordered by offset within a partition."""
    spans: dict[int, Span] = {}
    for row in rows:
        before = spans.get(row.partition)
        spans[row.partition] = (
            Span(before.first, row.offset, before.rows + 1) if before else Span(row.offset, row.offset, 1)
        )
    return spans


class Tables:
    """The tables of a run.

    Args:
        pause: waits for a number of seconds while ClickHouse is away; raises SinkStopped to give up.
        open_client: connects; raises ClickHouseError while ClickHouse is away.
    """

    def __init__(
        self, settings: Settings, pause: Pause, open_client: Callable[[Settings], TableClient] = connect
    ) -> None:
        self._settings = settings
        self._pause = pause
        self._open_client = open_client
        self._client: TableClient | None = None
        self._first_block_inserted: set[str] = set()
        """Topics whose first block since the last assignment is inserted: only that block may have been sent before."""
        self.series = ""
        """A part of every token. With a new one, blocks that were sent before are inserted again."""

    def close(self) -> None:
        """Releases the connection."""
        if self._client is not None:
            self._client.close()

    def ends(self, topic: str) -> dict[int, int]:
        """Returns the highest offset with a row of this run, by partition of a topic."""
        self._first_block_inserted.discard(topic)
        query = f"SELECT partition, max(offset) FROM {rows_of(topic)} GROUP BY partition"
        return dict(self.query(query, {"topic": topic}))

    def refused(self, topic: str, partition: int, first_offset: int) -> set[int]:
        """Returns the offsets, from first_offset on, of refused records of a partition whose letters have rows."""
        query = (
            f"SELECT source_offset FROM {rows_of(dead_letter_topic(topic))} "
            "AND stage = 'sink' AND source_partition = {partition:Int32} AND source_offset >= {first_offset:Int64}"
        )
        parameters = {"topic": dead_letter_topic(topic), "partition": partition, "first_offset": first_offset}
        return {offset for (offset,) in self.query(query, parameters)}

    def query(self, query: str, parameters: dict[str, Any]) -> list[Any]:
        """Returns the rows of a query, which may use the parameter run_id."""
        parameters = parameters | {"run_id": self._settings.run_id}
        rows: list[Any] = self._retry_while_away(lambda client: client.query(query, parameters).result_rows)
        return rows

    def append(self, table: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """Adds rows of this run to a table that is no topic's. May add them twice if ClickHouse dies meanwhile."""
        lines = "".join(json.dumps({"run_id": self._settings.run_id} | dict(row)) + "\n" for row in rows).encode()
        self._retry_while_away(
            lambda client: client.raw_insert(table, insert_block=lines, fmt=JSON_LINES, settings={"async_insert": 0})
        )

    def insert(self, topic: str, rows: Sequence[Row], container: bytes) -> None:
        """Inserts a block of encoded records as insert_block does."""
        self.insert_block(topic, spans_of(rows), container, AVRO)

    def insert_block(self, topic: str, spans: Spans, block: bytes, form: str) -> None:
        """Inserts a block in a ClickHouse format. While ClickHouse is away, waits and sends the identical block again.

        ClickHouse stores the deduplication token before it stores the block. If it is killed in between, it drops the
        repeated block as a duplicate, although it has no rows of it (measured: 1 of 57 kills). So if a block may
        have been sent before, its rows are counted, and if they are missing it is sent with another token.

        Raises:
            BlockRefused: ClickHouse can't read the block.
            SinkError: ClickHouse stays away, or the table differs from its schema.
        """
        with figures.INSERT_SECONDS.labels(topic).time():
            self._insert_until_there(topic, spans, block, form)
        figures.INSERT_ROWS.labels(topic).observe(sum(span.rows for span in spans.values()))

    def _insert_until_there(self, topic: str, spans: Spans, block: bytes, form: str) -> None:
        token = self._token(topic, spans)
        for attempt in range(ATTEMPTS_MAX):
            repeated = self._send(topic, block, form, f"{token} {attempt}" if attempt else token)
            if topic in self._first_block_inserted and not repeated:
                return
            if self._has_rows(topic, spans):
                self._first_block_inserted.add(topic)
                return
            log.warning("%s: ClickHouse dropped a block as a duplicate, but lacks its rows: %s", topic, token)
        raise SinkError(
            f"{topic}: ClickHouse accepted a block {ATTEMPTS_MAX} times, but lacks its rows: {token}; nothing is lost: "
            "read ClickHouse's log, then start the sink again"
        )

    def _send(self, topic: str, block: bytes, form: str, token: str) -> bool:
        """Inserts a block. Returns whether it was sent more than once."""
        settings = SETTINGS | {"insert_deduplication_token": token}
        sent = 0

        def send(client: TableClient) -> None:
            nonlocal sent
            sent += 1
            client.raw_insert(table_of(topic), insert_block=block, fmt=form, settings=settings)

        self._retry_while_away(send)
        return sent > 1

    def _has_rows(self, topic: str, spans: Spans) -> bool:
        """Returns whether the table has all rows of a block."""
        query = (
            f"SELECT uniqExact(offset) FROM {rows_of(topic)} "
            "AND partition = {partition:Int32} AND offset BETWEEN {first_offset:Int64} AND {last_offset:Int64}"
        )
        for partition, span in spans.items():
            parameters = {"first_offset": span.first, "last_offset": span.last}
            ((count,),) = self.query(query, {"topic": topic, "partition": partition} | parameters)
            if count < span.rows:
                return False
        return True

    def _token(self, topic: str, spans: Spans) -> str:
        """Returns the token of a block: the first and last offset of each partition."""
        parts = [f"{topic}:{number}:{span.first}-{span.last}" for number, span in sorted(spans.items())]
        return " ".join([self._settings.run_id, *parts, *filter(None, [self.series])])

    def _retry_while_away(self, call: Callable[[TableClient], T]) -> T:
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
                    f"ClickHouse was away for {waited_s:.0f} s, last error: {failure}; nothing is lost: start "
                    "ClickHouse, then the sink"
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
