"""Two runs beside each other: what each account came to, and the orders whose fate changed."""

from dataclasses import dataclass
from typing import Any

from clickhouse_connect.driver.client import Client

from infra.clickhouse.client import query_file
from streams.errors import InputError


@dataclass(frozen=True, slots=True)
class RunComparison:
    """accounts: a row each with columns _a and _b. orders: of the changed ones that ended otherwise, the first."""

    run_a: str
    run_b: str
    accounts: list[dict[str, Any]]
    orders: list[dict[str, Any]]
    changed: int


def compare(client: Client, run_a: str, run_b: str, most: int) -> RunComparison:
    """Compares two runs by their rows. Raises InputError where one has none."""
    parameters = {"run_a": run_a, "run_b": run_b, "most": most}
    for run_id in (run_a, run_b):
        query = "SELECT count() FROM account_equity WHERE run_id = {run_id:String}"
        ((rows,),) = client.query(query, parameters={"run_id": run_id}).result_rows
        if not rows:
            raise InputError(f"run {run_id} has no rows in ClickHouse; `paper replay list` shows what there is")
    accounts = _rows(client, "replay_compare_accounts", parameters)
    orders = _rows(client, "replay_compare_orders", parameters)
    changed = orders[0].pop("changed") if orders else 0
    for row in orders[1:]:
        del row["changed"]
    return RunComparison(run_a, run_b, accounts, orders, changed)


def _rows(client: Client, query: str, parameters: dict[str, Any]) -> list[dict[str, Any]]:
    result = client.query(query_file(query), parameters=parameters)
    return [dict(zip(result.column_names, row, strict=True)) for row in result.result_rows]
