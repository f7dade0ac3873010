"""A table that keeps doubled rows: a merge would heal them at a time of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from clickhouse_connect.driver.client import Client


@contextmanager
def never_merged(client: Client, table: str) -> Iterator[None]:
    """Puts a table that keeps equal rows in place of one, until the block ends."""
    client.command(f"RENAME TABLE {table} TO {table}_kept")
    try:
        client.command(f"CREATE TABLE {table} AS {table}_kept ENGINE = MergeTree ORDER BY tuple()")
        client.command(f"INSERT INTO {table} SELECT * FROM {table}_kept")
        yield
    finally:
        client.command(f"DROP TABLE IF EXISTS {table}")
        client.command(f"RENAME TABLE {table}_kept TO {table}")
