"""Checksums of rows over all their columns, and the first difference between two tables."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from typing import Any, NamedTuple

from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError as DriverError

from infra.errors import ClickHouseError
from streams.evidence.gate.record_copy import PROVED_TABLES
from streams.pipeline.sink.tables import DEAD_LETTERS

BLOCK_OFFSETS = 65_536
"""Offsets that one checksum covers, which bounds the memory of a query."""


class Place(NamedTuple):
    """A part of a table: rows of a partition, of one dlq topic in dead_letters. block: offset / BLOCK_OFFSETS."""

    table: str
    topic: str
    partition: int
    block: int


PLACE_FIELDS = len(Place._fields)


class RowSum(NamedTuple):
    """The rows of a place. sha256: over the SHA-256 of each row's columns in RowBinary, in the order of offsets."""

    rows: int
    first: int
    last: int
    sha256: str


Sums = dict[Place, RowSum]


def row_sums(client: Client, run_id: str) -> Sums:
    """Returns the checksums of a run's rows in every table that is proved. Raises ClickHouseError."""
    parts = [
        f"""
            SELECT '{table}', topic_of, partition, intDiv(offset, {BLOCK_OFFSETS}) AS block,
                count(), min(offset), max(offset),
                lower(hex(SHA256(arrayStringConcat(arrayMap(item -> item.2, arraySort(groupArray((offset, row))))))))
            FROM ({_hashed(table)})
            GROUP BY topic_of, partition, block
        """
        for table in PROVED_TABLES
    ]
    rows = _rows(client, "the proved tables", " UNION ALL ".join(parts), {"run_id": run_id})
    return {Place(*row[:PLACE_FIELDS]): RowSum(*row[PLACE_FIELDS:]) for row in rows}


def first_difference(client: Client, copy: Client, run_id: str, rows: Sums, records: Sums) -> str:
    """Returns a sentence on the first place where rows and records differ; empty if they are equal.

    client: reads the rows. copy: reads the records. Raises ClickHouseError.
    """
    for place in sorted(rows.keys() | records.keys()):
        if rows.get(place) != records.get(place):
            return _differ(place, _hashes(client, run_id, place), _hashes(copy, run_id, place))
    return ""


def partition_sums(sums: Sums) -> list[dict[str, Any]]:
    """Returns the checksums of whole partitions, as plain values in order: the proof that a decision names."""
    parts: dict[tuple[str, str, int], list[RowSum]] = {}
    for place, item in sorted(sums.items()):
        parts.setdefault((place.table, place.topic, place.partition), []).append(item)
    return [
        {
            "table": table,
            "topic": topic,
            "partition": partition,
            "rows": sum(item.rows for item in items),
            "first": items[0].first,
            "last": items[-1].last,
            "sha256": sha256("".join(item.sha256 for item in items).encode()).hexdigest(),
        }
        for (table, topic, partition), items in parts.items()
    ]


def _hashed(table: str) -> str:
    """Returns the query for the rows of a run with the hash of each."""
    topic = "toString(topic)" if table == DEAD_LETTERS else "''"
    return (
        f"SELECT {topic} AS topic_of, partition, offset, SHA256(formatRow('RowBinary', *)) AS row FROM {table} "
        "WHERE run_id = {run_id:String}"
    )


def _hashes(client: Client, run_id: str, place: Place) -> Mapping[int, list[bytes]]:
    sql = f"""
        SELECT offset, arraySort(groupArray(hex(row))) FROM ({_hashed(place.table)})
        WHERE topic_of = {{topic:String}} AND partition = {{partition:Int32}}
            AND intDiv(offset, {BLOCK_OFFSETS}) = {{block:Int64}}
        GROUP BY offset
    """
    parameters = {"run_id": run_id, "topic": place.topic, "partition": place.partition, "block": place.block}
    return dict(_rows(client, place.table, sql, parameters))


def _differ(place: Place, rows: Mapping[int, list[bytes]], records: Mapping[int, list[bytes]]) -> str:
    different = [offset for offset in sorted(rows.keys() | records.keys()) if rows.get(offset) != records.get(offset)]
    if not different:
        return f"table {place.table}, partition {place.partition}: rows change while they are being proved"
    offset = different[0]
    if offset not in records:
        told = "is a row, but no record of Kafka"
    elif offset not in rows:
        told = "is a record of Kafka without a row"
    elif set(rows[offset]) == set(records[offset]):
        told = f"is there {len(rows[offset])} times; OPTIMIZE TABLE {place.table} FINAL merges rows of a frozen sink"
    else:
        told = "is another row than Kafka's record"
    topic = f" of {place.topic}" if place.topic else ""
    return f"table {place.table}, partition {place.partition}{topic}, offset {offset} {told}"


def _rows(client: Client, table: str, sql: str, parameters: dict[str, Any]) -> Any:
    try:
        return client.query(sql, parameters=parameters).result_rows
    except DriverError as error:
        raise ClickHouseError(f"checksums of {table}: {error}") from error
