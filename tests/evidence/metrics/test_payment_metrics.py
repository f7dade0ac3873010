"""Funding and dividends among the costs: by day and instrument, also where nothing was traded."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from clickhouse_connect.driver.client import Client

from streams.evidence.metrics.compute_metrics import MetricScope, metric_rows
from streams.evidence.metrics.conventions import Conventions
from tests.evidence.metrics.rows import DAY, FIRST_DAY, fill, insert, session

SESSION = MetricScope("session", "s")


def position(run_id: str, exec_id: str, ts: datetime, funding: str, dividends: str, **changes: Any) -> dict[str, Any]:
    row = {
        "run_id": run_id,
        "account_id": "A",
        "session_id": "s",
        "symbol": "ABC",
        "quantity": Decimal(2),
        "currency": "USD",
        "exec_id": exec_id,
        "ts": ts,
        "funding": Decimal(funding),
        "dividends": Decimal(dividends),
    }
    return row | changes


def notice(run_id: str, exec_id: str, kind: str, partition: int = 0) -> dict[str, Any]:
    return {"run_id": run_id, "exec_id": exec_id, "exec_type": kind, "symbol": "ABC", "partition": partition}


def test_payments_are_lines_of_their_own(client: Client, run_id: str) -> None:
    """The first session earned 4 in funding; the second, of the same name, begins at 0 and pays 3 and 1."""
    insert(client, "account_equity", session(run_id, 1000, [1000, 1000]))
    insert(client, "fills", [fill(run_id, "BUY", 2, 100, FIRST_DAY, commission=Decimal(1))])
    rows = [
        position(run_id, "x-1", FIRST_DAY, "0", "0"),
        position(run_id, "x-2", FIRST_DAY, "4", "0"),
        position(run_id, "x-3", FIRST_DAY, "4", "0", quantity=Decimal(0)),
        position(run_id, "x-4", FIRST_DAY, "0", "0"),
        position(run_id, "x-5", FIRST_DAY + DAY, "-3", "0"),
        position(run_id, "x-6", FIRST_DAY + DAY, "-3", "0.5"),
        position(run_id, "x-7", FIRST_DAY + DAY, "-1", "0", symbol="XYZ"),
    ]
    insert(client, "positions", rows)
    kinds = {"x-1": "FILL", "x-2": "FUNDING", "x-3": "FILL", "x-4": "FILL"}
    kinds |= {"x-5": "FUNDING", "x-6": "DIVIDEND", "x-7": "FUNDING"}
    insert(client, "executions", [notice(run_id, exec_id, kind) for exec_id, kind in kinds.items()])

    def told(by: str) -> list[tuple[Any, ...]]:
        found = metric_rows(client, "metrics_costs", run_id, SESSION, Conventions(), by)
        return [(row["part"], row["fills"], row["fees"], row["funding"], row["dividends"]) for row in found]

    half = Decimal("0.5")
    assert told("") == [("", 1, 1, 0, half)]
    assert told("day") == [("2024-01-02", 1, 1, 4, 0), ("2024-01-03", 0, 0, -4, half)]
    assert told("instrument") == [("ABC", 1, 1, 1, half), ("XYZ", 0, 0, -1, 0)]
