"""Blocks are inserted once, positions are read back, and errors are classified: bad data, outage, wrong tables."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from infra.clickhouse.client import connect
from infra.settings import Settings
from schemas.avro.codec import HEADER
from schemas.memory_registry import MemoryRegistry
from schemas.topic_schemas import load_schema
from streams.errors import SinkError
from streams.pipeline.sink import tables as sink_tables
from streams.pipeline.sink.avro_container import ContainerWriter, Row
from streams.pipeline.sink.tables import BlockRefused, SinkStopped, Tables
from tests.pipeline.sink.records import order_value

SOURCE = MemoryRegistry()


def never(_: float) -> None:
    raise AssertionError("ClickHouse is there")


def order_rows(first: int, last: int, partition: int = 0) -> list[Row]:
    return [Row(partition, n, 1000, order_value(SOURCE, n)[HEADER.size :]) for n in range(first, last)]


def insert(tables: Tables, rows: list[Row], run_id: str = "live") -> None:
    tables.insert("orders", rows, ContainerWriter(load_schema("orders"), run_id).build(rows))


def count(settings: Settings) -> Any:
    with closing(connect(settings)) as client:
        return client.command("SELECT count() FROM orders")


@pytest.fixture
def tables(table_settings: Settings) -> Iterator[Tables]:
    with closing(Tables(table_settings, never)) as made:
        yield made


def test_positions_are_the_ends_of_this_run(table_settings: Settings, tables: Tables) -> None:
    assert tables.ends("orders") == {}
    insert(tables, order_rows(0, 10) + order_rows(3, 5, partition=2))
    assert tables.ends("orders") == {0: 9, 2: 4}
    assert tables.ends("fills") == {}
    with closing(Tables(table_settings.model_copy(update={"run_id": "other"}), never)) as other:
        assert other.ends("orders") == {}


def test_an_identical_block_is_inserted_once_in_each_run(table_settings: Settings, tables: Tables) -> None:
    rows = order_rows(0, 10)
    insert(tables, rows)
    insert(tables, rows)
    assert count(table_settings) == 10
    with closing(Tables(table_settings.model_copy(update={"run_id": "other"}), never)) as other:
        insert(other, rows, "other")
    assert count(table_settings) == 20


def test_a_block_whose_token_is_there_without_its_rows_is_inserted(table_settings: Settings, tables: Tables) -> None:
    """A kill between the two leaves this state, and a sink that has just started may send such a block."""
    rows = order_rows(0, 10) + order_rows(3, 5, partition=2)
    insert(tables, rows)
    with closing(connect(table_settings)) as client:
        client.command("DELETE FROM orders WHERE 1")
    with closing(Tables(table_settings, never)) as again:
        insert(again, rows)
        assert again.ends("orders") == {0: 9, 2: 4}
    assert count(table_settings) == 12


def test_bad_data_is_refused_whole(table_settings: Settings, tables: Tables) -> None:
    rows = order_rows(0, 3)
    with pytest.raises(BlockRefused, match="EOF"):
        insert(tables, [rows[0], rows[1]._replace(body=rows[1].body[:-1]), rows[2]])
    assert count(table_settings) == 0


def test_a_missing_table_is_no_bad_data(table_settings: Settings, tables: Tables) -> None:
    with closing(connect(table_settings)) as client:
        client.command("DROP TABLE orders")
    with pytest.raises(SinkError, match="paper up"):
        insert(tables, order_rows(0, 1))
    with pytest.raises(SinkError, match="paper up"):
        tables.ends("orders")


def test_a_writer_that_knows_more_or_less_than_the_table(table_settings: Settings, tables: Tables) -> None:
    schema = load_schema("orders")
    fields = schema["fields"]
    more = schema | {"fields": [*fields, {"name": "invented", "type": "string"}]}
    (row,) = order_rows(0, 1)
    tables.insert("orders", [row], ContainerWriter(more, "live").build([row._replace(body=row.body + b"\x04ab")]))
    assert fields[-1]["name"] == "mode"
    less = schema | {"fields": fields[:-1]}
    (row,) = order_rows(1, 2)
    tables.insert("orders", [row], ContainerWriter(less, "live").build([row._replace(body=row.body[:-1])]))
    with closing(connect(table_settings)) as client:
        read = client.query("SELECT order_id, mode FROM orders ORDER BY order_id").result_rows
    assert read == [("o-0", "PAPER"), ("o-1", "PAPER")]


def test_while_clickhouse_is_away_it_waits_longer_each_time(
    table_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sink_tables, "OUTAGE_MAX_S", 30.0)
    pauses: list[float] = []

    def stop_at_the_fourth(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 4:
            raise SinkStopped

    away = table_settings.model_copy(update={"clickhouse_url": "http://127.0.0.1:1"})
    with closing(Tables(away, stop_at_the_fourth)) as stopped, pytest.raises(SinkStopped):
        insert(stopped, order_rows(0, 1))
    assert pauses == [0.2, 0.4, 0.8, 1.6]
    with closing(Tables(away, pauses.append)) as given_up, pytest.raises(SinkError, match="nothing is lost"):
        insert(given_up, order_rows(0, 1))
    assert max(pauses) == sink_tables.PAUSE_MAX_S


def test_a_full_disk_is_waited_for(table_settings: Settings) -> None:
    """The disk is full when the engine writes the part, after it has read the whole block."""

    def ask_for_room(setting: str) -> None:
        with closing(connect(table_settings)) as client:
            client.command(f"ALTER TABLE orders {setting}")

    waited: list[float] = []

    def make_room(seconds: float) -> None:
        waited.append(seconds)
        assert count(table_settings) == 0
        ask_for_room("RESET SETTING min_free_disk_bytes_to_perform_insert")

    ask_for_room(f"MODIFY SETTING min_free_disk_bytes_to_perform_insert = {2**60}")
    with closing(Tables(table_settings, make_room)) as patient:
        insert(patient, order_rows(0, 10))
    assert (waited, count(table_settings)) == ([sink_tables.FIRST_PAUSE_S], 10)
