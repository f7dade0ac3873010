"""Which session of a run a name means, by the shared query."""

from typing import Any

from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError as DriverError

from infra.clickhouse.client import query_file
from infra.errors import ClickHouseError
from streams.errors import InputError

Row = dict[str, Any]


def session_rows(client: Client, run_id: str) -> list[Row]:
    """Every session of a run, newest first; see sessions.sql. Raises ClickHouseError."""
    try:
        return list(client.query(query_file("sessions"), parameters={"run_id": run_id}).named_results())
    except DriverError as error:
        raise ClickHouseError(f"sessions of run {run_id}: {error}") from error


def find_session(client: Client, run_id: str, session_id: str, account_id: str = "") -> Row:
    """The session of a name; account_id is needed where several accounts have used it. Raises InputError."""
    found = [
        row
        for row in session_rows(client, run_id)
        if row["session_id"] == session_id and account_id in ("", row["account_id"])
    ]
    if len(found) == 1:
        return found[0]
    if found:
        accounts = ", ".join(row["account_id"] for row in found)
        raise InputError(f"session {session_id}: accounts {accounts} have one of this name; choose with --account")
    raise InputError(
        f"session {session_id}: run {run_id} has none in ClickHouse; see `paper session list`, and does the sink run?"
    )
