"""Evidence is read through the views and functions of the migrations: another definition is found, or undone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from clickhouse_connect.driver.client import Client

from infra.clickhouse.migrate import migrate
from infra.settings import Settings
from streams.evidence.gate.definitions import definitions

NAME = "defined"
CHANGES = {
    "CREATE OR REPLACE FUNCTION paper_sharpe AS (r) -> 9.": "function paper_sharpe",
    "CREATE OR REPLACE VIEW defined.v_session_days AS SELECT 1 AS run_id": "table or view v_session_days",
    "DROP VIEW defined.v_scope": "table or view v_scope",
    "ALTER TABLE defined.fills ADD COLUMN profit Int64 ALIAS 7": "table or view fills",
}
"""Statements, and what is named first after each: tables and views before functions, by name."""


@pytest.fixture
def database(server_settings: Settings, client: Client) -> Iterator[Settings]:
    """Yields settings of a migrated database of the test's own."""
    own = server_settings.model_copy(update={"clickhouse_database": NAME})
    migrate(own)
    yield own
    client.command(f"DROP DATABASE {NAME}")


def test_another_definition_is_named_and_a_function_defined_anew(database: Settings, client: Client) -> None:
    before = _databases(client)
    with definitions(database) as made:
        assert made.problem(client, NAME) == ""
        for statement, named in CHANGES.items():
            client.command(statement)
            assert made.problem(client, NAME).startswith(f"{named} of {NAME} is not as the migrations define it"), named
    assert client.query("SELECT paper_sharpe([0.1, 0.1, 0.3])").result_rows == [(9.0,)]
    with definitions(database) as made:
        assert made.problem(client, NAME).startswith("table or view fills"), "no view or table mends itself"
        assert client.query("SELECT paper_sharpe([0.1, 0.1, 0.3])").result_rows != [(9.0,)]
    assert _databases(client) == before, "the databases beside are removed"


def _databases(client: Client) -> set[str]:
    return {name for (name,) in client.query("SHOW DATABASES").result_rows}
