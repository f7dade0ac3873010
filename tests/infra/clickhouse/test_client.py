"""clickhouse-connect works with the local server as with a ClickHouse server."""

from __future__ import annotations

import datetime as dt
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from decimal import Decimal

import pytest
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError, StreamFailureError
from clickhouse_connect.driver.summary import QuerySummary

from tests.infra.clickhouse_servers import LocalServer

UTC = dt.UTC
AVRO_NULL_CODEC = {"output_format_avro_codec": "null"}


def count(client: Client, table: str) -> int:
    return int(client.query(f"SELECT count() FROM {table}").result_rows[0][0])


def test_it_says_who_it_is(client: Client) -> None:
    assert client.ping()
    assert str(client.server_version).startswith("26.")
    assert str(client.server_tz) == "UTC"


def test_parameters_of_every_kind(client: Client) -> None:
    values = {
        "text": "é ☃ 'quoted' \\ \t \n end",
        "number": -(2**63),
        "list": ["a'b", "c\\d", ""],
        "when": dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
        "none": None,
    }
    query = (
        "SELECT {text:String}, {number:Int64}, {list:Array(String)}, {when:DateTime64(9,'UTC')}, {none:Nullable(Int8)}"
    )
    (row,) = client.query(query, parameters=values).result_rows
    assert row == (values["text"], values["number"], values["list"], dt.datetime(2026, 1, 2, 3, 4, 5), None)


def test_settings_hold_for_one_query(client: Client) -> None:
    read = "SELECT getSetting('max_threads') v, getSetting('max_block_size') b"
    (before,) = client.query(read).result_rows
    (during,) = client.query(read, settings={"max_threads": 1, "max_block_size": 7}).result_rows
    (after,) = client.query(read).result_rows
    assert during == (1, 7)
    assert after == before


def test_a_session_keeps_its_temporary_tables_and_others_do_not_see_them(server: LocalServer, client: Client) -> None:
    client.command("CREATE TEMPORARY TABLE scratch (a Int8)")
    assert count(client, "scratch") == 0
    with closing(server.client()) as other, pytest.raises(DatabaseError, match="scratch"):
        count(other, "scratch")


def test_types_round_trip(client: Client) -> None:
    client.command(
        """CREATE TABLE kinds (
            money Decimal(38, 18), price Decimal(18, 9), ts DateTime64(9, 'UTC'), side Enum8('BUY' = 1, 'SELL' = 2),
            levels Array(Decimal(18, 9)), note Nullable(String), code LowCardinality(Nullable(String)), ok Bool
        ) ENGINE = MergeTree ORDER BY ts"""
    )
    rows = [
        [Decimal("-12345678901234567890.000000000000000001"), Decimal("0.000000001"), 1, "BUY", [], None, None, True],
        [Decimal(0), Decimal("-999999999.999999999"), 2**60, "SELL", [Decimal("1.5")], "é☃", "x", False],
    ]
    summary = client.insert(
        "kinds", rows, column_names=["money", "price", "ts", "side", "levels", "note", "code", "ok"]
    )
    assert summary.written_rows == 2
    read = client.query("SELECT money, price, toUnixTimestamp64Nano(ts), side, levels, note, code, ok FROM kinds")
    assert [list(row) for row in read.result_rows] == rows


@pytest.mark.parametrize("compress", [False, "lz4", "zstd", "gzip"])
def test_compressed_both_ways(server: LocalServer, database: str, compress: str | bool) -> None:
    with closing(server.client(database=database, compress=compress)) as client:
        client.command("CREATE TABLE t (n UInt64, s String) ENGINE = MergeTree ORDER BY n")
        rows = client.query("SELECT number, repeat('é', number % 50) FROM numbers(150000)").result_rows
        client.insert("t", rows, column_names=["n", "s"])
        assert client.query("SELECT * FROM t ORDER BY n").result_rows == rows


def test_a_million_rows_in_one_part(client: Client) -> None:
    client.command("CREATE TABLE t (n UInt64) ENGINE = MergeTree ORDER BY n")
    client.insert("t", [range(1_000_000)], column_names=["n"], column_oriented=True)
    read = "SELECT count(), sum(n), uniqExact(_part) FROM t"
    assert client.query(read).result_rows == [(1_000_000, 499_999_500_000, 1)]


def test_raw_insert_of_an_avro_container(client: Client) -> None:
    client.command("CREATE TABLE t (a Int64, s Nullable(String), d Decimal(38, 18)) ENGINE = MergeTree ORDER BY a")
    query = "SELECT toInt64(number) a, if(number % 2 = 1, 'é', NULL) s, toDecimal128(-a, 18) d FROM numbers(1000)"
    block = client.raw_query(query, fmt="Avro", settings=AVRO_NULL_CODEC)
    client.raw_insert("t", insert_block=block, fmt="Avro")
    client.raw_insert("t", insert_block=(part for part in (block[:500], block[500:])), fmt="Avro")
    assert client.query("SELECT * FROM t ORDER BY a LIMIT 4").result_rows[2:] == [(1, "é", Decimal(-1))] * 2
    assert count(client, "t") == 2000


def test_raw_query_in_other_formats(client: Client) -> None:
    assert client.raw_query("SELECT 1 AS a, 'é' AS b", fmt="JSONEachRow") == '{"a":1,"b":"é"}\n'.encode()
    assert client.raw_query("SELECT 1 AS a FORMAT CSVWithNames") == b'"a"\n1\n'
    totals = client.raw_query(
        "SELECT number % 2 k, count() FROM numbers(4) GROUP BY k WITH TOTALS ORDER BY k FORMAT TSV"
    )
    assert totals == b"0\t2\n1\t2\n\n0\t4\n"


def test_a_change_returns_a_summary_and_a_query_its_value(client: Client) -> None:
    assert isinstance(client.command("CREATE TABLE t (a Int64) ENGINE = MergeTree ORDER BY a"), QuerySummary)
    client.command("INSERT INTO t VALUES (1), (2)")
    client.command("INSERT INTO t FORMAT CSV", data="3\n4\n")
    assert client.command("SELECT count() FROM t") == 4
    assert client.query("SELECT a FROM t WHERE a > 9").result_rows == []
    assert client.query("SELECT a FROM t LIMIT 0").column_names == ("a",)


def test_streams_a_large_result(client: Client) -> None:
    with client.query_row_block_stream("SELECT number FROM numbers(500000)") as stream:
        blocks = [len(block) for block in stream]
    assert len(blocks) > 1
    assert sum(blocks) == 500_000


def test_a_stream_left_early_leaves_a_usable_session(client: Client) -> None:
    with client.query_row_block_stream("SELECT number FROM numbers(500000)") as stream:
        next(iter(stream))
    assert client.command("SELECT 1") == 1


@pytest.mark.parametrize("compress", [False, "lz4"])
def test_a_query_that_fails_after_its_first_rows(server: LocalServer, compress: str | bool) -> None:
    failing = "SELECT throwIf(number = 300000) FROM numbers(500000)"
    with (
        closing(server.client(compress=compress)) as client,
        pytest.raises(StreamFailureError, match="Code: 395"),
        client.query_row_block_stream(failing) as stream,
    ):
        list(stream)


@pytest.mark.parametrize(
    ("query", "code", "name"),
    [
        ("SELECT nope", 47, "UNKNOWN_IDENTIFIER"),
        ("SELECT * FROM nope", 60, "UNKNOWN_TABLE"),
        ("SELECT * FROM nope.nope", 81, "UNKNOWN_DATABASE"),
        ("SELECT (1", 62, "SYNTAX_ERROR"),
        ("SELECT 1; SELECT 2", 62, "SYNTAX_ERROR"),
        ("SELECT throwIf(1)", 395, "FUNCTION_THROW_IF_VALUE_IS_NON_ZERO"),
        ("SELECT {missing:Int8}", 456, "UNKNOWN_QUERY_PARAMETER"),
    ],
)
def test_errors_carry_code_and_name(client: Client, query: str, code: int, name: str) -> None:
    with pytest.raises(DatabaseError) as caught:
        client.query(query)
    assert (caught.value.code, caught.value.name) == (code, name)


def test_a_refused_insert_leaves_no_row(client: Client) -> None:
    client.command("CREATE TABLE t (a Int64) ENGINE = MergeTree ORDER BY a")
    with pytest.raises(DatabaseError, match="Code: 117"):
        client.raw_insert("t", insert_block=b"1\n2\nx\n", fmt="CSV")
    assert count(client, "t") == 0


def test_a_repeated_token_inserts_once(client: Client) -> None:
    client.command(
        "CREATE TABLE t (a Int64) ENGINE = MergeTree ORDER BY a SETTINGS non_replicated_deduplication_window = 100"
    )
    for token in ("x:0:0-1", "x:0:0-1", "x:0:2-3"):
        settings = {"insert_deduplication_token": token, "async_insert": 0}
        client.raw_insert("t", insert_block=b"1\n2\n", fmt="CSV", settings=settings)
    assert count(client, "t") == 4


def test_a_query_that_wants_too_much_memory_fails_alone(client: Client) -> None:
    with pytest.raises(DatabaseError) as caught:
        client.query("SELECT length(groupArray(number)) FROM numbers(1000000000)")
    assert caught.value.code == 241
    assert client.command("SELECT 1") == 1


def test_clients_work_side_by_side(server: LocalServer, client: Client, database: str) -> None:
    client.command("CREATE TABLE t (worker UInt8, n UInt64) ENGINE = MergeTree ORDER BY (worker, n)")

    def work(worker: int) -> int:
        with closing(server.client(database=database)) as own:
            for first in range(0, 1000, 100):
                own.insert("t", [[worker, n] for n in range(first, first + 100)], column_names=["worker", "n"])
            return count(own, f"t WHERE worker = {worker}")

    with ThreadPoolExecutor(6) as pool:
        assert list(pool.map(work, range(6))) == [1000] * 6
    assert client.query("SELECT count(), uniqExact(worker, n) FROM t").result_rows == [(6000, 6000)]
