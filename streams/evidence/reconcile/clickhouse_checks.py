"""The checks from ClickHouse, each a SQL file."""

from typing import Any

from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError

from infra.clickhouse.client import query_file
from streams.core.accounts.state.early_queue import grace_ns
from streams.core.core_config import CoreConfig, TimeSource
from streams.core.simulators.simulator_choice import Simulators
from streams.evidence.reconcile.order_checks import requests_wait
from streams.evidence.reconcile.reconciliation import CLICKHOUSE, Check

QUERIES = {
    "reconcile_orders": "every order has one terminal result or is working, every request an answer",
    "reconcile_venue": "every request at its venue is answered there",
    "reconcile_results": "execution reports and results are one to one",
    "reconcile_fills": "executions and fills are one to one",
    "reconcile_quotes": "every fill lies inside the quote in force, or deeper",
    "reconcile_quantities": "fills keep within their order's quantity and limit",
    "reconcile_cash": "cash = opening cash + cash flows - fees",
    "reconcile_positions": "position = sum of fills",
    "reconcile_equity": "equity = cash + position value, drawdown from its peak",
    "reconcile_ids": "every id is there once",
    "reconcile_dead_letters": "no record of the pipeline's own is a dead letter",
    "reconcile_one_letter_each": "each refused record is one dead letter",
}
"""Names of the checks by query file. A query returns one row: checked, different, differences."""
UNCOMPUTABLE_CODES = frozenset({69, 153, 190, 321, 407})
"""Bounds, division by zero, lengths of lists, values out of range, overflow of decimals."""


def clickhouse_checks(client: Client, run_id: str, config: CoreConfig) -> list[Check]:
    """Runs every check over one run's rows."""
    parameters = {
        "run_id": run_id,
        "event_time": config.time_source is TimeSource.EVENT,
        "latency_ns": Simulators(config).latency_max_ns(),
        "account_partitions": config.account_partitions,
        "requests_wait": requests_wait(config),
        "grace_ns": grace_ns(config.mark_interval_ms),
    }
    checks = []
    for query, name in QUERIES.items():
        checks.append(_check(client, query, name, parameters))
    return checks


def _check(client: Client, query: str, name: str, parameters: dict[str, Any]) -> Check:
    """Runs a check. Rows that ClickHouse can't compute with, such as sums out of range, are a difference."""
    try:
        checked, different, differences = client.query(query_file(query), parameters=parameters).result_rows[0]
    except DatabaseError as error:
        if getattr(error, "code", None) not in UNCOMPUTABLE_CODES:
            raise
        check = Check(name, CLICKHOUSE)
        check.differ(f"ClickHouse can't compute with these rows, some of which the pipeline did not write: {error}")
        return check
    return Check(name, CLICKHOUSE, checked, different, list(differences))
