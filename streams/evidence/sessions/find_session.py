"""Finds a session of a run by its id."""

from clickhouse_connect.driver.client import Client

from streams.errors import InputError
from streams.evidence.query_rows import Row, query_rows


def session_rows(client: Client, run_id: str) -> list[Row]:
    """Returns every session of a run, newest first, as sessions.sql selects them. Raises ClickHouseError."""
    return query_rows(client, "sessions", {"run_id": run_id}, f"run {run_id}")


def find_session(client: Client, run_id: str, session_id: str, account_id: str = "") -> Row:
    """Returns a session's row. session_id: its id, or the account whose open session is meant.

    account_id is needed if several accounts have used the id. Raises InputError.
    """
    rows = session_rows(client, run_id)
    found = [row for row in rows if row["session_id"] == session_id and account_id in ("", row["account_id"])]
    if not found:
        found = [row for row in rows if row["account_id"] == session_id and row["status"] == "OPEN"]
    if len(found) == 1:
        return found[0]
    if found:
        accounts = ", ".join(row["account_id"] for row in found)
        raise InputError(f"session {session_id}: accounts {accounts} have one of this name; choose with --account")
    raise InputError(
        f"session {session_id}: run {run_id} has none in ClickHouse, and no account of this name has an open one; see "
        "`paper session list`, and does the sink run?"
    )
