"""Compares the tables, views and functions that evidence is read through with those that the migrations make."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from uuid import uuid4

from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError as DriverError

from infra.clickhouse.client import connect
from infra.clickhouse.migrate import migrate
from infra.errors import ClickHouseError
from infra.settings import Settings

TABLES = "SELECT name, create_table_query FROM system.tables WHERE database = {database:String}"
FUNCTIONS = "SELECT name, create_query FROM system.functions WHERE origin = 'SQLUserDefined'"
REMEDY = "run `paper prepare` on a new CLICKHOUSE_DATABASE, into which the sink lands the records again"

Texts = Mapping[str, str]
"""Statements that create something, by its name."""


class Definitions:
    """The definitions of the migrations. Functions belong to the whole server, so that they are defined anew."""

    def __init__(self, tables: Texts, functions: Texts) -> None:
        self._tables = tables
        self._functions = functions

    def problem(self, client: Client, database: str) -> str:
        """Returns a sentence on the first definition that is another one now; empty if none is.

        Raises ClickHouseError.
        """
        now = (
            ("table or view", self._tables, _tables(client, database)),
            ("function", self._functions, _functions(client)),
        )
        for kind, made, found in now:
            for name in sorted(made):
                if found.get(name) != made[name]:
                    return f"{kind} {name} of {database} is not as the migrations define it; {REMEDY}"
        return ""


@contextmanager
def definitions(settings: Settings) -> Iterator[Definitions]:
    """Applies all migrations to a database beside, which is removed at the end.

    Raises ClickHouseError, MigrationError.
    """
    database = settings.clickhouse_database
    beside = f"{database}_{uuid4().hex[:12]}"
    with closing(connect(settings)) as client:
        try:
            migrate(settings.model_copy(update={"clickhouse_database": beside}))
            tables = {name: text.replace(beside, database) for name, text in _tables(client, beside).items()}
            yield Definitions(tables, _functions(client))
        finally:
            client.command(f"DROP DATABASE IF EXISTS {beside}")


def _tables(client: Client, database: str) -> Texts:
    return _texts(client, TABLES, {"database": database})


def _functions(client: Client) -> Texts:
    return _texts(client, FUNCTIONS, {})


def _texts(client: Client, query: str, parameters: dict[str, str]) -> Texts:
    try:
        return {name: text for name, text in client.query(query, parameters=parameters).result_rows}
    except DriverError as error:
        raise ClickHouseError(f"definitions of tables and functions: {error}") from error
