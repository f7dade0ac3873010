"""Compares two runs: the results of each account, and the orders that ended differently."""

from dataclasses import dataclass

from clickhouse_connect.driver.client import Client

from streams.errors import InputError
from streams.evidence.query_rows import Row, query_rows


@dataclass(frozen=True, slots=True)
class RunComparison:
    """The differences between two runs.

    Attributes:
        accounts: a row for each account; columns end in _a or _b for the run.
        orders: rows of the first orders that ended differently.
        changed: number of all such orders.
    """

    run_a: str
    run_b: str
    accounts: list[Row]
    orders: list[Row]
    changed: int


def compare_runs(client: Client, run_a: str, run_b: str, most: int) -> RunComparison:
    """Compares two runs by their rows. most: number of orders to return.

    Raises InputError if a run has no rows, ClickHouseError.
    """
    parameters = {"run_a": run_a, "run_b": run_b, "most": most}
    for run_id in (run_a, run_b):
        query = "SELECT count() FROM account_equity WHERE run_id = {run_id:String}"
        ((rows,),) = client.query(query, parameters={"run_id": run_id}).result_rows
        if not rows:
            raise InputError(f"run {run_id} has no rows in ClickHouse; `paper replay list` shows what there is")
    subject = f"runs {run_a} and {run_b}"
    accounts = query_rows(client, "replay_compare_accounts", parameters, subject)
    orders = query_rows(client, "replay_compare_orders", parameters, subject)
    changed = orders[0].pop("changed") if orders else 0
    for row in orders[1:]:
        del row["changed"]
    return RunComparison(run_a, run_b, accounts, orders, changed)
