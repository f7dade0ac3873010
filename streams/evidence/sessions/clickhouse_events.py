"""Reads a session's events from ClickHouse: makes records of rows again."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError as DriverError

from infra.errors import ClickHouseError
from schemas.avro.layout import ENUMS
from schemas.topic_schemas import MESSAGE_CLASSES, load_schema
from streams.evidence.sessions.session_fold import TOPICS
from streams.pipeline.sink.tables import table_of

PRICE_DIGITS = 18
"""Precision in digits of a decimal of 64 bits."""


class _Column(NamedTuple):
    """A field of a record. expression: its column in SQL; restore: makes the field's value of the column's."""

    expression: str
    restore: Callable[[Any], Any] | None


def clickhouse_events(account_id: str, session_id: str, client: Client, run_id: str) -> Iterator[Any]:
    """Yields the session's records of a run in the order of fold_session. Raises ClickHouseError."""
    for topic in TOPICS:
        columns = [_column(field["name"], field["type"]) for field in load_schema(topic)["fields"]]
        query = (
            f"SELECT {', '.join(column.expression for column in columns)} FROM {table_of(topic)} FINAL "
            "WHERE run_id = {run_id:String} AND account_id = {account_id:String} AND session_id = {session_id:String} "
            "ORDER BY partition, offset"
        )
        named = {"run_id": run_id, "account_id": account_id, "session_id": session_id}
        try:
            with client.query_rows_stream(query, parameters=named) as rows:
                for row in rows:
                    yield _message(topic, columns, row)
        except DriverError as error:
            raise ClickHouseError(f"events of session {session_id} on {topic}: {error}") from error


def _message(topic: str, columns: list[_Column], row: Any) -> Any:
    values = (
        value if column.restore is None or value is None else column.restore(value)
        for column, value in zip(columns, row, strict=True)
    )
    return MESSAGE_CLASSES[topic](*values)


def _column(name: str, kind: Any) -> _Column:
    """Returns the column of a field. Decimals are read as unscaled integers and times as nanoseconds, both exact."""
    if isinstance(kind, list):
        kind = next(item for item in kind if item != "null")
    if not isinstance(kind, dict):
        return _Column(f"`{name}`", None)
    if kind.get("logicalType") == "decimal":
        return _Column(f"reinterpretAsInt{64 if kind['precision'] <= PRICE_DIGITS else 128}(`{name}`)", None)
    if kind.get("logicalType") == "timestamp-nanos":
        return _Column(f"toUnixTimestamp64Nano(`{name}`)", None)
    if kind["type"] == "enum":
        return _Column(f"`{name}`", ENUMS[kind["name"]].__members__.__getitem__)
    raise TypeError(f"field {name}: no session event has a {kind['type']}")
