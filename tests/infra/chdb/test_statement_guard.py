"""No statement reaches files, addresses or programs, however it is written, and the reader only reads."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
import requests

from infra.clickhouse.users import PAPER, READER
from tests.infra.clickhouse_servers import LocalServer

SECRET = "the content of a private file"
READS = {
    "table function": "SELECT * FROM file('{path}', 'LineAsString')",
    "scalar function": "SELECT file('{path}')",
    "comments": "SELECT /* nothing */ file -- here\n ('{path}')",
    "quotes": "SELECT `file`('{path}')",
    "other quotes": "SELECT \"file\"('{path}')",
    "escapes in quotes": "SELECT `\\x66ile`('{path}')",
    "a heredoc hides quotes": "SELECT $$'$$, file('{path}'), $$'$$",
    "subquery": "SELECT * FROM (SELECT (SELECT file('{path}')))",
    "expression": "WITH file('{path}') AS x SELECT x",
    "lambda": "SELECT arrayMap(x -> file(x), ['{path}'])",
    "function without a call": "SELECT arrayMap(file, ['{path}'])",
    "column transformer": "SELECT * APPLY(file) FROM values('a String', '{path}')",
    "view function": "SELECT * FROM view(SELECT file('{path}'))",
    "condition": "SELECT 1 WHERE length(file('{path}')) > 0",
    "explain": "EXPLAIN SELECT file('{path}')",
    "describe": "DESCRIBE TABLE file('{path}', 'LineAsString')",
    "a table's name is a path": "SELECT * FROM `{path}`",
    "a table's name in the default database": "SELECT * FROM default.`{path}`",
    "setting with an expression": (
        "SELECT 1 SETTINGS additional_result_filter = 'throwIf(length(file(\\'{path}\\')) > 0) = 0'"
    ),
    "another dialect": "SELECT 1 SETTINGS dialect = 'kusto'",
    "format with a schema": "SELECT 1 FORMAT Template SETTINGS format_template_row = '{path}'",
    "cluster": "SELECT * FROM fileCluster('c', '{path}', 'LineAsString')",
    "address": "SELECT * FROM url('http://127.0.0.1:{port}/ping', 'LineAsString')",
    "address in capitals": "SELECT * FROM URL('http://127.0.0.1:{port}/ping', 'LineAsString')",
    "s3": "SELECT * FROM s3('http://127.0.0.1:{port}/b/k', 'LineAsString')",
    "remote": "SELECT * FROM remote('127.0.0.1:{port}', system.one)",
    "python": "SELECT * FROM python('x')",
    "executable": "SELECT * FROM executable('id', 'LineAsString', 'a String')",
    "mysql": "SELECT * FROM mysql('127.0.0.1:{port}', 'd', 't', 'u', 'p')",
    "sqlite": "SELECT * FROM sqlite('{path}', 't')",
    "two statements": "SELECT 1; SELECT file('{path}')",
    "outfile": "SELECT 1 INTO OUTFILE '{path}.out'",
    "outfile with a comment": "SELECT 1 INTO /**/ outfile '{path}.out' FORMAT CSV",
    "kill": "KILL QUERY WHERE 1",
    "system": "SYSTEM FLUSH LOGS",
    "role": "SET ROLE ALL",
    "impersonation": "EXECUTE AS default SELECT 1",
    "time limit": "SELECT 1 SETTINGS max_execution_time = 0",
}
CHANGES = {
    "insert into a function": "INSERT INTO FUNCTION file('{path}.out', 'CSV', 'a String') SELECT 'x'",
    "insert from a file": "INSERT INTO {database}.t FROM INFILE '{path}' FORMAT LineAsString",
    "values": "INSERT INTO {database}.t VALUES (file('{path}'))",
    "values with a heredoc": "INSERT INTO {database}.t VALUES ($$'$$), (file('{path}')), ($$'$$)",
    "insert select": "INSERT INTO {database}.t SELECT file('{path}')",
    "view": "CREATE VIEW {database}.v AS SELECT file('{path}')",
    "function": "CREATE FUNCTION reads AS x -> file(x)",
    "default": "CREATE TABLE {database}.d (a String DEFAULT file('{path}')) ENGINE = Memory",
    "alter": "ALTER TABLE {database}.t MODIFY COLUMN a String DEFAULT file('{path}')",
    "update": "ALTER TABLE {database}.t UPDATE a = file('{path}') WHERE 1",
    "table engine": "CREATE TABLE {database}.f (a String) ENGINE = File(LineAsString, '{path}')",
    "url engine": "CREATE TABLE {database}.u (a String) ENGINE = URL('http://127.0.0.1:{port}/ping', LineAsString)",
    "executable engine": "CREATE TABLE {database}.x (a String) ENGINE = Executable('id', LineAsString)",
    "log engine": "CREATE TABLE {database}.l (a String) ENGINE = FileLog('{path}', LineAsString)",
    "as function": "CREATE TABLE {database}.c AS file('{path}', 'LineAsString')",
    "disk": (
        "CREATE TABLE {database}.k (a String) ENGINE = MergeTree ORDER BY a SETTINGS disk = disk(type = local, "
        "path = '{path}.disk/')"
    ),
    "database engine": "CREATE DATABASE fs ENGINE = Filesystem('/')",
    "dictionary": (
        "CREATE DICTIONARY {database}.y (a UInt64) PRIMARY KEY a SOURCE(FILE(path '{path}' format 'CSV')) "
        "LAYOUT(FLAT()) LIFETIME(1)"
    ),
    "attach": "ATTACH TABLE {database}.z FROM '{path}' (a String) ENGINE = MergeTree ORDER BY a",
    "backup": "BACKUP DATABASE {database} TO File('{path}.zip')",
    "user": "CREATE USER u IDENTIFIED BY 'p'",
    "named collection": "CREATE NAMED COLLECTION n AS a = '1'",
    "setting for later": "SET dialect = 'kusto'",
    "parameter for later": "SET param_f = 'file'",
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Returns a private file of the server's user."""
    file = tmp_path / "secret.txt"
    file.write_text(SECRET)
    return file


def ask(server: LocalServer, user: str, text: str, parameters: Mapping[str, str] | None = None) -> requests.Response:
    return requests.post(server.url_of(user), data=text.encode(), params=parameters)


def demand_refused(answer: requests.Response, folder: Path) -> None:
    assert answer.status_code in (400, 403, 404), answer.text
    assert SECRET not in answer.text
    assert "Code: " in answer.text
    assert [file.name for file in folder.iterdir()] == ["secret.txt"]


@pytest.mark.parametrize("user", [PAPER, READER])
@pytest.mark.parametrize("text", READS.values(), ids=READS.keys())
def test_no_query_reaches_outside(server: LocalServer, path: Path, user: str, text: str) -> None:
    statement = text.replace("{path}", str(path)).replace("{port}", str(server.port))
    demand_refused(ask(server, user, statement), path.parent)


@pytest.mark.parametrize("text", CHANGES.values(), ids=CHANGES.keys())
def test_no_change_reaches_outside(server: LocalServer, database: str, path: Path, text: str) -> None:
    ask(server, PAPER, f"CREATE TABLE {database}.t (a String) ENGINE = MergeTree ORDER BY a").raise_for_status()
    for name, value in {"path": path, "port": server.port, "database": database}.items():
        text = text.replace(f"{{{name}}}", str(value))
    answer = ask(server, PAPER, text)
    assert answer.status_code != 200, answer.text
    assert [file.name for file in path.parent.iterdir()] == ["secret.txt"]
    assert ask(server, PAPER, f"SELECT count() FROM {database}.t").text == "0\n"


@pytest.mark.parametrize("user", [PAPER, READER])
def test_parameters_and_settings_of_the_url_reach_nothing(server: LocalServer, path: Path, user: str) -> None:
    call = "SELECT arrayMap({f:Identifier}, [{p:String}])"
    demand_refused(ask(server, user, call, {"param_f": "file", "param_p": str(path)}), path.parent)
    filters = [f"throwIf(length(file('{path}')) > 0) = 0", f"`\\x66ile`('{path}') = ''"]
    for condition in filters:
        value = "{'system.one': '" + condition.replace("\\", "\\\\").replace("'", "\\'") + "'}"
        settings = {"additional_table_filters": value}
        demand_refused(ask(server, user, "SELECT * FROM system.one", settings), path.parent)
    for name, value in {"dialect": "kusto", "format_schema": str(path), "profile": "default"}.items():
        demand_refused(ask(server, user, "SELECT 1", {name: value}), path.parent)


def test_a_column_may_have_the_name_of_a_function(server: LocalServer) -> None:
    assert (
        ask(
            server,
            READER,
            "SELECT t.file, 'file(' FROM (SELECT 1 AS `file x`, 2 AS a) AS s, "
            "(SELECT 3 AS b) AS t SETTINGS join_use_nulls = 1",
        ).status_code
        == 404
    )
    assert ask(server, READER, "SELECT 'file(''x'') INTO OUTFILE'").text == "file(\\'x\\') INTO OUTFILE\n"


CHANGING = (
    "CREATE TABLE {d}.n (a Int8) ENGINE = Memory",
    "CREATE TEMPORARY TABLE n (a Int8)",
    "INSERT INTO {d}.t VALUES (1)",
    "INSERT INTO {d}.t FORMAT CSV\n1",
    "DROP TABLE {d}.t",
    "TRUNCATE TABLE {d}.t",
    "ALTER TABLE {d}.t DELETE WHERE 1",
    "OPTIMIZE TABLE {d}.t",
    "SET max_threads = 1",
)


@pytest.mark.parametrize("text", CHANGING)
def test_the_reader_changes_nothing(server: LocalServer, database: str, text: str) -> None:
    ask(server, PAPER, f"CREATE TABLE {database}.t (a Int8) ENGINE = MergeTree ORDER BY a").raise_for_status()
    assert ask(server, READER, text.replace("{d}", database)).status_code == 403
    assert ask(server, READER, f"SELECT count() FROM {database}.t").text == "0\n"
    assert ask(server, READER, f"SHOW TABLES FROM {database}").text == "t\n"


def test_the_readers_limits_cannot_be_raised(server: LocalServer) -> None:
    limits = "SELECT getSetting('max_execution_time'), getSetting('max_memory_usage'), getSetting('readonly')"
    free = ask(server, READER, limits).text
    raised = {"max_execution_time": "9999", "max_memory_usage": "0", "max_result_rows": "0", "readonly": "0"}
    assert ask(server, READER, limits, raised).text == free
    assert ask(server, READER, limits, {"max_execution_time": "1"}).text.startswith("1\t")
    rows = ask(server, READER, "SELECT number FROM numbers(1000001)")
    assert "Limit for result exceeded" in rows.text
    whole = ask(server, READER, "SELECT number FROM numbers(1000001) FORMAT JSON")
    assert whole.headers["X-ClickHouse-Exception-Code"] == "396"
