"""Migrations run once and in order, detect changed files, and create the tables of the schemas."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from clickhouse_connect.driver.client import Client

from infra.clickhouse.client import connect
from infra.clickhouse.migrate import migrate, read_migrations
from infra.errors import ClickHouseError, MigrationError
from infra.settings import Settings
from schemas.topic_schemas import all_topics, load_schema
from tests.infra.clickhouse_servers import LocalServer
from tests.stacks import free_port

PLACE = {
    "run_id": "LowCardinality(String)",
    "partition": "Int32",
    "offset": "Int64",
    "kafka_timestamp": "DateTime64(3, 'UTC')",
}
SCALARS = {
    "string": "String",
    "bytes": "String",
    "long": "Int64",
    "int": "Int32",
    "double": "Float64",
    "boolean": "Bool",
}
TIMESTAMP = "DateTime64(9, 'UTC')"


@pytest.fixture
def settings(server: LocalServer, database: str) -> Settings:
    return Settings(_env_file=None, clickhouse_url=server.url, clickhouse_database=database)


@pytest.fixture
def migrated(settings: Settings) -> Iterator[Client]:
    migrate(settings)
    with closing(connect(settings)) as client:
        yield client


COUNTS = {"book_bids", "book_asks", "split_to", "split_of"}


def clickhouse_type(topic: str, name: str, avro: Any) -> str:
    """Returns the column type of an Avro field, without LowCardinality, which concerns storage only."""
    if isinstance(avro, list):
        assert avro[0] == "null", f"{topic}.{name}: ClickHouse reads unions of null and one type only"
        return f"Nullable({clickhouse_type(topic, name, avro[1])})"
    if isinstance(avro, str):
        return SCALARS[avro]
    if avro.get("logicalType") == "decimal":
        return f"Decimal({avro['precision']}, {avro['scale']})"
    if avro.get("logicalType") == "timestamp-nanos":
        return TIMESTAMP
    if avro["type"] == "array" and topic == "market.data" and name not in COUNTS:
        # Its arrays hold plain integers: nanoseconds and 1e-9.
        return f"Array({TIMESTAMP if name == 'times' else 'Decimal(18, 9)'})"
    if avro["type"] == "array":
        return f"Array({clickhouse_type(topic, name, avro['items'])})"
    return "String" if avro["type"] == "enum" else SCALARS[avro["type"]]


def columns(client: Client, table: str) -> dict[str, str]:
    rows = client.query(
        "SELECT name, type FROM system.columns WHERE database = currentDatabase() AND table = {t:String}",
        parameters={"t": table},
    ).result_rows
    return {name: re.sub(r"LowCardinality\((.*)\)$", r"\1", kind) for name, kind in rows}


@pytest.mark.parametrize("topic", all_topics())
def test_each_topic_has_a_table_with_its_fields(migrated: Client, topic: str) -> None:
    fields = {f["name"]: clickhouse_type(topic, f["name"], f["type"]) for f in load_schema(topic)["fields"]}
    place = {name: re.sub(r"LowCardinality\((.*)\)$", r"\1", kind) for name, kind in PLACE.items()}
    assert columns(migrated, topic.replace(".", "_")) == place | fields


def test_each_table_of_records_deduplicates_and_is_durable(migrated: Client) -> None:
    tables = [topic.replace(".", "_") for topic in all_topics()] + ["dead_letters"]
    query = "SELECT name, engine_full FROM system.tables WHERE database = currentDatabase()"
    rows = {name: engine for name, engine in migrated.query(query).result_rows if name in tables}
    assert rows.keys() == set(tables)
    for table, engine in rows.items():
        assert engine.startswith("ReplacingMergeTree ORDER BY (run_id, "), table
        assert "partition, offset)" in engine, table
        assert "non_replicated_deduplication_window = 10000" in engine, table
        assert "fsync_after_insert = 1" in engine, table


def test_views_show_a_row_for_each_quote_and_trade(migrated: Client) -> None:
    migrated.command(
        """INSERT INTO market_data
        (offset, run_id, symbol, kinds, times, bid_px, bid_sz, ask_px, ask_sz, trade_px, trade_sz, aggressors) VALUES
        (1, 'r', 'A', 'QTQ', [1, 2, 3], [10, 11], [1, -0.000000001], [12, 13], [0, 2], [11.5], [7], 'B'),
        (2, 'r', 'A', '', [], [], [], [], [], [], [], ''),
        (3, 'r', 'BROKEN', 'QQ', [1], [10], [1], [12], [0], [], [], '')"""
    )
    quotes = "SELECT toUnixTimestamp(ts), bid_px, bid_sz, ask_px, ask_sz FROM v_quotes ORDER BY ts"
    assert migrated.query(quotes).result_rows == [(1, 10, 1, 12, 0), (3, 11, None, 13, 2)]
    trades = "SELECT toUnixTimestamp(ts), px, sz, aggressor FROM v_trades"
    assert migrated.query(trades).result_rows == [(2, 11.5, 7, "B")]


def test_a_second_run_finds_nothing_to_do(settings: Settings) -> None:
    assert migrate(settings) == [migration.name for migration in read_migrations()]
    assert migrate(settings) == []


def test_every_statement_bears_repetition(migrated: Client, settings: Settings) -> None:
    migrated.command("TRUNCATE TABLE schema_migrations")
    assert migrate(settings)


def test_only_new_files_are_applied_and_in_order(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "0002_row.sql").write_text("-- needs the table; ours\nINSERT INTO t VALUES (';'); \n")
    (tmp_path / "0001_table.sql").write_text("CREATE TABLE t (a String) ENGINE = MergeTree ORDER BY a;\n")
    assert migrate(settings, tmp_path) == ["0001_table", "0002_row"]
    (tmp_path / "0003_row.sql").write_text("INSERT INTO t VALUES ('x');INSERT INTO t VALUES ('y');")
    assert migrate(settings, tmp_path) == ["0003_row"]
    with closing(connect(settings)) as client:
        assert client.query("SELECT a FROM t ORDER BY a").result_rows == [(";",), ("x",), ("y",)]


def test_a_changed_file_is_named(settings: Settings, tmp_path: Path) -> None:
    file = tmp_path / "0001_a.sql"
    file.write_text("CREATE TABLE t (a String) ENGINE = Memory;")
    migrate(settings, tmp_path)
    file.write_text("CREATE TABLE t (a String, b String) ENGINE = Memory;")
    with pytest.raises(MigrationError, match=r"0001_a\.sql has changed since it was applied"):
        migrate(settings, tmp_path)


def test_a_database_of_a_newer_version_is_refused(settings: Settings, tmp_path: Path) -> None:
    file = tmp_path / "0001_a.sql"
    file.write_text("CREATE TABLE t (a String) ENGINE = Memory;")
    migrate(settings, tmp_path)
    file.unlink()
    with pytest.raises(MigrationError, match="0001_a was applied, but this version"):
        migrate(settings, tmp_path)


def test_a_refused_statement_is_named_and_tried_again(settings: Settings, tmp_path: Path) -> None:
    file = tmp_path / "0001_a.sql"
    file.write_text("SELECT 1; CREATE TABLE t (a Nonsense) ENGINE = Memory;")
    with pytest.raises(MigrationError, match=r"0001_a\.sql, statement 2: .*Nonsense"):
        migrate(settings, tmp_path)
    file.write_text("CREATE TABLE t (a String) ENGINE = Memory;")
    assert migrate(settings, tmp_path) == ["0001_a"]


def test_a_server_that_is_not_there_is_named() -> None:
    settings = Settings(_env_file=None, clickhouse_url=f"http://127.0.0.1:{free_port()}")
    with pytest.raises(ClickHouseError, match=r"ClickHouse at 127.0.0.1:\d+.*paper up"):
        migrate(settings)
