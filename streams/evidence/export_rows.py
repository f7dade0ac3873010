"""Writes the rows of a table of a run to a file: Parquet, Arrow or CSV, made by ClickHouse, read at one cut."""

from __future__ import annotations

from shutil import copyfileobj
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from infra.errors import ClickHouseError
from streams.errors import InputError

if TYPE_CHECKING:
    from clickhouse_connect.driver.client import Client

TABLES = {
    "orders": "orders",
    "results": "order_results",
    "executions": "executions",
    "fills": "fills",
    "positions": "positions",
    "equity": "account_equity",
    "risk-events": "risk_events",
    "controls": "controls",
    "marks": "marks",
    "market-data": "market_data",
}
"""Tables by the names under which they are exported."""
FORMATS = {"parquet": "Parquet", "arrow": "Arrow", "csv": "CSVWithNames"}
"""ClickHouse's formats by the names that users know. Arrow is a file (IPC with its footer), which maps into memory."""
CHUNK_BYTES = 1 << 20
SORTING_KEY = "SELECT sorting_key FROM system.tables WHERE database = currentDatabase() AND name = {table:String}"
COLUMNS = "SELECT name FROM system.columns WHERE database = currentDatabase() AND table = {table:String}"
OF_SESSIONS_ORDERS = (
    "(account_id, order_id) IN (SELECT account_id, order_id FROM order_results "
    "WHERE run_id = {run_id:String} AND session_id = {session_id:String})"
)


class Selection(NamedTuple):
    """The rows to export. name: one of TABLES. Empty texts select all."""

    name: str
    run_id: str
    session_id: str = ""
    account_id: str = ""
    symbol: str = ""


def export_rows(client: Client, chosen: Selection, file_format: str, out: BinaryIO) -> int:
    """Writes rows in the order of the table's key, and returns how many. client: reads at the wanted cut.

    Raises InputError if the table has no such column, or nothing is found; ClickHouseError.
    """
    from clickhouse_connect.driver.exceptions import ClickHouseError as DriverError

    table, conditions = TABLES[chosen.name], _conditions(client, chosen)
    parameters = chosen._asdict()
    try:
        count = int(client.query(f"SELECT count() FROM {table} FINAL WHERE {conditions}", parameters).result_rows[0][0])
        if not count:
            raise InputError(f"{chosen.name}: {_named(chosen)} has no rows; `paper session list` shows what there is")
        (key,) = client.query(SORTING_KEY, {"table": table}).result_rows[0]
        query = f"SELECT * FROM {table} FINAL WHERE {conditions} ORDER BY {key}"
        with client.raw_stream(query, parameters, fmt=FORMATS[file_format]) as stream:
            copyfileobj(stream, out, CHUNK_BYTES)
    except DriverError as error:
        raise ClickHouseError(f"export of {chosen.name}: {error}") from error
    return count


def _conditions(client: Client, chosen: Selection) -> str:
    from clickhouse_connect.driver.exceptions import ClickHouseError as DriverError

    table = TABLES[chosen.name]
    try:
        columns = {name for (name,) in client.query(COLUMNS, {"table": table}).result_rows}
    except DriverError as error:
        raise ClickHouseError(f"export of {chosen.name}: {error}") from error
    asked = {name: str(getattr(chosen, name)) for name in ("session_id", "account_id", "symbol")}
    found = ["run_id = {run_id:String}"]
    for column, value in asked.items():
        if not value:
            continue
        if column == "session_id" and column not in columns and "order_id" in columns:
            found.append(OF_SESSIONS_ORDERS)
        elif column not in columns:
            option = column.removesuffix("_id")
            raise InputError(f"--{option} {value}: {chosen.name} has no {option}; omit --{option}")
        else:
            found.append(f"{column} = {{{column}:String}}")
    return " AND ".join(found)


def _named(chosen: Selection) -> str:
    parts = (("session", chosen.session_id), ("account", chosen.account_id), ("symbol", chosen.symbol))
    return ", ".join([*(f"{name} {value}" for name, value in parts if value), f"run {chosen.run_id}"])
