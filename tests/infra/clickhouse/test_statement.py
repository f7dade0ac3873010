"""INSERTs are distinguished from other statements, and their data from their text."""

from __future__ import annotations

import pytest

from infra.clickhouse.statement import find_insert, result_format, split_statements


@pytest.mark.parametrize(
    ("text", "statement", "form", "data"),
    [
        (b"INSERT INTO t (a) FORMAT Native\n\x00\n\xff", b"INSERT INTO t (a) ", "Native", b"\x00\n\xff"),
        (b"insert into t format CSV 1,2", b"insert into t ", "CSV", b"1,2"),
        (b"INSERT INTO t FORMAT JSONEachRow {}", b"INSERT INTO t ", "JSONEachRow", b"{}"),
        (b"INSERT INTO t FORMAT Avro;\nObj", b"INSERT INTO t ", "Avro", b"Obj"),
        (b"INSERT INTO t FORMAT RowBinary\n\n\n", b"INSERT INTO t ", "RowBinary", b"\n\n"),
        (
            b"/* FORMAT x */ INSERT INTO `FORMAT CSV` SETTINGS s='FORMAT TSV' FORMAT Avro\n",
            b"/* FORMAT x */ INSERT INTO `FORMAT CSV` ",
            "Avro",
            b"",
        ),
        (b"INSERT INTO settings (settings) FORMAT CSV 1", b"INSERT INTO settings (settings) ", "CSV", b"1"),
    ],
)
def test_insert_with_data(text: bytes, statement: bytes, form: str, data: bytes) -> None:
    found = find_insert(text)
    assert found is not None
    assert (found.statement, found.format, text[found.data_start :]) == (statement, form, data)


@pytest.mark.parametrize(
    ("text", "settings"),
    [
        (b"INSERT INTO t (a) SETTINGS s='FORMAT TSV', n = 1 FORMAT Avro\n", b"SETTINGS s='FORMAT TSV', n = 1 "),
        (b"INSERT INTO d.settings SETTINGS n = 1 FORMAT Avro\n", b"SETTINGS n = 1 "),
        (b"INSERT INTO TABLE settings (settings) FORMAT CSV 1", b""),
    ],
)
def test_the_settings_of_an_insert(text: bytes, settings: bytes) -> None:
    found = find_insert(text)
    assert found is not None
    assert found.settings == settings


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"SELECT 1 FORMAT Native",
        b"INSERT INTO t VALUES ('FORMAT CSV')",
        b"INSERT INTO t SELECT 1 FORMAT CSV",
        b"INSERT INTO t FORMAT Values (1)",
        b"-- INSERT INTO t FORMAT CSV\nSELECT 1",
        b"INSERT INTO t FORMAT",
    ],
)
def test_other_statements(text: bytes) -> None:
    assert find_insert(text) is None


@pytest.mark.parametrize(
    ("text", "form"),
    [
        (b"SELECT 1", None),
        (b"SELECT 1 FORMAT JSON", "JSON"),
        (b"SELECT 1 format CSV settings max_threads=1;", "CSV"),
        (b"SELECT format FROM t", None),
        (b"SELECT 'FORMAT JSON' -- FORMAT CSV", None),
        (b"SELECT * FROM (SELECT 1) FORMAT Native /* the end */", "Native"),
    ],
)
def test_result_format(text: bytes, form: str | None) -> None:
    assert result_format(text) == form


def test_statements_of_a_file() -> None:
    text = "-- first; really\nSELECT ';', `;`, 'it''s; é';\n\n/* ; */ SELECT\n 2 ; ;\n-- the end;\n"
    assert split_statements(text) == ["-- first; really\nSELECT ';', `;`, 'it''s; é'", "/* ; */ SELECT\n 2"]
    assert split_statements("SELECT 1") == ["SELECT 1"]
    assert split_statements("-- nothing") == []
