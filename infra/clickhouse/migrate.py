"""Migrations: applies each SQL file once to a database, in the order of the file names.

ClickHouse has no transactions for DDL. An interrupted migration runs again from its first statement, so each
statement must be repeatable (IF NOT EXISTS, IF EXISTS, OR REPLACE).
"""

from __future__ import annotations

import hashlib
import logging
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from infra.clickhouse.client import connect
from infra.clickhouse.statement import split_statements
from infra.errors import MigrationError
from infra.settings import Settings

if TYPE_CHECKING:
    from clickhouse_connect.driver.client import Client

FOLDER = Path(__file__).with_name("migrations")
CREATE_RECORD = """
CREATE TABLE IF NOT EXISTS schema_migrations (
    name String, sha256 String, applied DateTime64(3, 'UTC') DEFAULT now64(3)
) ENGINE = MergeTree ORDER BY name
"""
READ_RECORD = "SELECT name, sha256 FROM schema_migrations"

log = logging.getLogger(__name__)


class Migration(NamedTuple):
    """A file of SQL statements.

    Attributes:
        name: file name without suffix; it gives the order of the migrations.
        sha256: hash of the file, in lower-case hex.
    """

    name: str
    sha256: str
    statements: list[str]


def migrate(settings: Settings, folder: Path = FOLDER) -> list[str]:
    """Creates the database if missing, applies the new migrations, and returns their names.

    May be called at any time, but by one process at a time.

    Raises:
        ClickHouseError: ClickHouse does not answer.
        MigrationError: an applied file has changed or is missing, or ClickHouse refused a statement.
    """
    with closing(connect(settings, database="default")) as client:
        client.command(f"CREATE DATABASE IF NOT EXISTS {settings.clickhouse_database}")
    migrations = read_migrations(folder)
    with closing(connect(settings)) as client:
        client.command(CREATE_RECORD)
        applied = {name: sha256 for name, sha256 in client.query(READ_RECORD).result_rows}
        _check(settings, migrations, applied)
        new = [migration for migration in migrations if migration.name not in applied]
        for migration in new:
            _apply(client, migration)
    return [migration.name for migration in new]


def read_migrations(folder: Path = FOLDER) -> list[Migration]:
    """Returns the migrations of a folder, in order."""
    return [
        Migration(path.stem, hashlib.sha256(path.read_bytes()).hexdigest(), split_statements(path.read_text()))
        for path in sorted(folder.glob("*.sql"))
    ]


def _check(settings: Settings, migrations: list[Migration], applied: dict[str, str]) -> None:
    database = settings.clickhouse_database
    known = {migration.name: migration.sha256 for migration in migrations}
    if missing := sorted(applied.keys() - known.keys()):
        raise MigrationError(
            f"database {database}: migration {missing[0]} was applied, but this version of the project does not have "
            "it; run a version that has it, or set CLICKHOUSE_DATABASE to a new database"
        )
    changed = sorted(name for name, sha256 in applied.items() if known[name] != sha256)
    if changed:
        raise MigrationError(
            f"database {database}: migrations/{changed[0]}.sql has changed since it was applied; "
            "restore the file and put the change into a new migration, or set CLICKHOUSE_DATABASE to a new database"
        )


def _apply(client: Client, migration: Migration) -> None:
    from clickhouse_connect.driver.exceptions import DatabaseError

    for number, statement in enumerate(migration.statements, start=1):
        try:
            client.command(statement)
        except DatabaseError as error:
            raise MigrationError(f"migrations/{migration.name}.sql, statement {number}: {error}") from error
    client.insert("schema_migrations", [[migration.name, migration.sha256]], column_names=["name", "sha256"])
    log.info("applied migration %s", migration.name)
