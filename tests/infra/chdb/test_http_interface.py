"""The HTTP interface follows ClickHouse's documentation where clickhouse-connect does not use it."""

from __future__ import annotations

import gzip
import json
import time

import pytest
import requests

from tests.infra.clickhouse_servers import LocalServer


def test_root_and_ping_say_ok(server: LocalServer) -> None:
    assert requests.get(server.url).text == "Ok.\n"
    assert requests.get(f"{server.url}/ping").text == "Ok.\n"
    assert requests.get(f"{server.url}/nothing").status_code == 404


def test_query_in_the_url_and_in_the_body(server: LocalServer) -> None:
    assert requests.get(server.url, params={"query": "SELECT 1"}).text == "1\n"
    assert requests.post(server.url, data="SELECT 2").text == "2\n"
    assert requests.post(server.url, params={"query": "SELECT"}, data="3").text == "3\n"
    assert requests.post(server.url, files={"query": (None, "SELECT {x:Int8}"), "param_x": (None, "4")}).text == "4\n"


def test_headers_of_a_result(server: LocalServer) -> None:
    parameters = {"query": "SELECT number FROM numbers(3)", "query_id": "q-1", "default_format": "JSON"}
    answer = requests.post(server.url, params=parameters)
    assert answer.json()["rows"] == 3
    assert answer.headers["X-ClickHouse-ChdbQuery-Id"] == "q-1"
    assert answer.headers["X-ClickHouse-Format"] == "JSON"
    assert answer.headers["X-ClickHouse-Timezone"] == "UTC"
    assert answer.headers["X-ClickHouse-Server-Display-Name"]
    assert answer.headers["Content-Type"] == "application/json; charset=UTF-8"
    assert json.loads(answer.headers["X-ClickHouse-Summary"])["result_rows"] == "3"


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [("SELECT (1", 400, "62"), ("SELECT nope", 404, "47"), ("SELECT throwIf(1)", 500, "395")],
)
def test_an_error_has_status_header_and_body(server: LocalServer, query: str, status: int, code: str) -> None:
    answer = requests.post(server.url, data=query)
    assert (answer.status_code, answer.headers["X-ClickHouse-Exception-Code"]) == (status, code)
    assert answer.text.startswith(f"Code: {code}. DB::Exception: ")
    assert answer.text.rstrip().endswith(")")


def test_unknown_settings_and_databases_are_refused(server: LocalServer) -> None:
    assert requests.get(server.url, params={"query": "SELECT 1", "no_such_setting": "1"}).status_code == 404
    assert requests.get(server.url, params={"query": "SELECT 1", "database": "nope"}).status_code == 404


def test_a_setting_cannot_break_out_of_its_quotes(server: LocalServer) -> None:
    value = "x', max_threads = '7"
    read = "SELECT getSetting('log_comment'), getSetting('max_threads') = 7"
    assert (
        requests.get(server.url, params={"query": read, "log_comment": value}).text == "x\\', max_threads = \\'7\t0\n"
    )


def test_get_changes_nothing(server: LocalServer, database: str) -> None:
    create = f"CREATE TABLE {database}.t (a Int8) ENGINE = Memory"
    assert requests.get(server.url, params={"query": create}).status_code == 403
    assert requests.post(server.url, params={"query": create}).status_code == 200
    assert requests.get(server.url, params={"query": f"INSERT INTO {database}.t FORMAT CSV 1"}).status_code == 403
    assert requests.get(server.url, params={"query": f"SELECT count() FROM {database}.t"}).text == "0\n"


def test_insert_with_parameters_and_a_compressed_body(server: LocalServer, database: str) -> None:
    requests.post(server.url, data=f"CREATE TABLE {database}.t (a Int8) ENGINE = Memory").raise_for_status()
    insert = {"query": "INSERT INTO {table:Identifier} (a) FORMAT CSV", "param_table": "t", "database": database}
    headers = {"Content-Encoding": "gzip"}
    answer = requests.post(server.url, params=insert, data=gzip.compress(b"1\n2\n"), headers=headers)
    assert answer.status_code == 200, answer.text
    assert json.loads(answer.headers["X-ClickHouse-Summary"])["written_rows"] == "2"
    damaged = requests.post(server.url, params=insert, data=b"rubbish", headers=headers)
    assert (damaged.status_code, damaged.headers["X-ClickHouse-Exception-Code"]) == (400, "117")


def test_a_body_beyond_the_bound_is_refused(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("small") / "data"
    with LocalServer(folder, "--body-mb", "1") as small:
        assert requests.post(small.url, data=b"SELECT 1" + b" " * 2_000_000).status_code == 413
        bomb = gzip.compress(b"SELECT 1" + b" " * 2_000_000)
        assert requests.post(small.url, data=bomb, headers={"Content-Encoding": "gzip"}).status_code == 413
        assert requests.post(small.url, data=b"SELECT 1").text == "1\n"


def test_web_pages_are_refused(server: LocalServer) -> None:
    page = requests.post(server.url, data="SELECT 1", headers={"Origin": "https://example.com"})
    rebound = requests.post(server.url, data="SELECT 1", headers={"Host": "example.com"})
    assert (page.status_code, rebound.status_code) == (403, 403)
    assert requests.post(server.url, data="SELECT 1", headers={"Origin": server.address}).text == "1\n"


def test_one_session_serves_one_query_at_a_time(server: LocalServer) -> None:
    session = {"session_id": "s"}
    endless = "SELECT number FROM numbers(1000000000000)"
    with requests.post(server.url, params=session, data=endless, stream=True) as busy:
        content = busy.iter_content(1)  # Kept, because the connection closes with it.
        next(content)
        answer = requests.post(server.url, params=session, data="SELECT 1")
        assert answer.headers.get("X-ClickHouse-Exception-Code") == "373", answer.text
    # The server cancels the query when it notices that the client has disconnected.
    deadline = time.monotonic() + 60
    while requests.post(server.url, params=session, data="SELECT 1").text != "1\n":
        assert time.monotonic() < deadline


def test_a_session_that_must_exist(server: LocalServer) -> None:
    answer = requests.post(server.url, params={"session_id": "never", "session_check": "1"}, data="SELECT 1")
    assert answer.headers["X-ClickHouse-Exception-Code"] == "372"


def test_native_of_a_newer_revision_has_block_info_and_a_byte_for_each_column(server: LocalServer) -> None:
    newer = {"query": "SELECT 7 AS a, 'xy' AS b", "default_format": "Native", "client_protocol_version": "54460"}
    info = b"\x01\x00\x02\xff\xff\xff\xff\x00"
    columns = b"\x01a\x05UInt8\x00\x07" + b"\x01b\x06String\x00\x02xy"
    assert requests.get(server.url, params=newer).content == info + b"\x02\x01" + columns
    assert requests.get(server.url, params=newer | {"default_format": "TSV"}).text == "7\txy\n"
    wrong = newer | {"client_protocol_version": "new"}
    assert requests.get(server.url, params=wrong).headers["X-ClickHouse-Exception-Code"] == "36"


def test_native_of_a_newer_revision_in_many_blocks_of_many_types(server: LocalServer) -> None:
    query = """SELECT number, toString(number) s, toDecimal128(number, 18) d, toLowCardinality('x') l, [s, ''] a,
        [toLowCardinality(s), NULL] ln, emptyArrayString() e, CAST('y' AS LowCardinality(Nullable(String))) y,
        CAST(NULL AS Nullable(Int64)) n, map('k', number) m, (1, 'y') t FROM numbers(150000)"""
    parameters = {"query": query, "default_format": "Native"}
    older = requests.get(server.url, params=parameters).content
    newer = requests.get(server.url, params=parameters | {"client_protocol_version": "54460"}).content
    blocks = newer.count(b"\x01\x00\x02\xff\xff\xff\xff\x00\x0b")
    assert blocks > 1
    assert len(newer) == len(older) + blocks * (8 + 11)
