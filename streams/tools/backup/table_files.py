"""Writes the rows of ClickHouse's tables to files in its Native format, and inserts them again, in bounded memory."""

from collections.abc import Generator
from pathlib import Path

from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError as DriverError

from infra.errors import ClickHouseError
from streams.errors import BackupError
from streams.tools.backup.backup_manifest import TableContent

CHUNK_BYTES = 1024 * 1024
LEFT_OUT = "schema_migrations"
"""The migrations that made the tables: a restore applies its own."""
TABLES = f"""
SELECT name, engine LIKE '%Replacing%' FROM system.tables
WHERE database = currentDatabase() AND engine LIKE '%MergeTree' AND name != '{LEFT_OUT}' ORDER BY name
"""
ROWS = "SELECT * FROM {table}"
CONTENT = "SELECT count(), sum(cityHash64(formatRow('RowBinary', *))) FROM {table}"
Tables = dict[str, str]
"""By table: its name as a query reads it, with FINAL where rows may wait for their merge."""


def stored_tables(client: Client) -> Tables:
    """Returns the tables that hold rows, except that of the migrations. Raises ClickHouseError."""
    try:
        found = client.query(TABLES).result_rows
    except DriverError as error:
        raise ClickHouseError(f"the list of tables: {error}") from error
    return {name: f"{name} FINAL" if replacing else name for name, replacing in found}


def content_of(client: Client, tables: Tables, table: str) -> TableContent:
    """Returns number and digest of a table's rows, which do not depend on merges. Raises ClickHouseError."""
    try:
        ((rows, digest),) = client.query(CONTENT.format(table=tables[table])).result_rows
    except DriverError as error:
        raise ClickHouseError(f"the content of table {table}: {error}") from error
    return TableContent(table=table, rows=rows, digest=digest)


def write_table(client: Client, tables: Tables, table: str, path: Path) -> None:
    """Writes the rows of a table to a file. Raises ClickHouseError."""
    try:
        with client.raw_stream(ROWS.format(table=tables[table]), fmt="Native") as stream, path.open("wb") as file:
            while chunk := stream.read(CHUNK_BYTES):
                file.write(chunk)
    except DriverError as error:
        raise ClickHouseError(f"reading table {table}: {error}") from error


def insert_table(client: Client, table: str, path: Path) -> None:
    """Inserts the rows of a file into a table. Raises BackupError if ClickHouse refuses them."""
    if not path.stat().st_size:
        return
    try:
        client.raw_insert(table, insert_block=_chunks(path), fmt="Native")
    except DriverError as error:
        raise BackupError(f"table {table}: ClickHouse refused the rows of {path}: {error}") from error


def _chunks(path: Path) -> Generator[bytes, None, None]:
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            yield chunk
