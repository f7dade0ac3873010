"""The drift query: live fills against the band of the paper ones."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from clickhouse_connect.driver.client import Client

from streams.evidence.gate.criteria import CriteriaFile
from streams.evidence.gate.gather_evidence import plain_rows
from tests.evidence.metrics import rows

MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize(
    ("live", "number", "outside"),
    [("0.0100", 40, False), ("0.0300", 40, True), ("-0.0300", 40, True), ("0.0300", 19, None)],
)
def test_live_slippage_outside_the_paper_band(
    live: str, number: int, outside: bool | None, client: Client, run_id: str, criteria: CriteriaFile
) -> None:
    rows.insert(client, "account_equity", rows.session(run_id, 100_000, [100_100]))
    done = []
    for place in range(40):
        noise = Decimal("0.002") * (place % 3 - 1)
        ts = rows.FIRST_DAY + place * MINUTE
        done.append(rows.fill(run_id, "BUY", 1, 100, ts, slippage_mid=Decimal("0.01") + noise, order_id=f"p-{place}"))
        if place < number:
            done.append(rows.fill(run_id, "BUY", 1, 100, ts, slippage_mid=Decimal(live) + noise, order_id=f"l-{place}"))
    rows.insert(client, "fills", done)
    orders = [
        {"run_id": run_id, "account_id": "A", "order_id": f"l-{place}", "mode": "LIVE"} for place in range(number)
    ]
    rows.insert(client, "orders_live", orders)
    parameters = {"run_id": run_id, "strategy_id": "st", "time_zone": "UTC", **criteria.criteria.drift.model_dump()}
    found = {row["metric"]: row for row in plain_rows(client, "gate_drift", parameters)}
    assert found["slippage_bps"]["outside"] == outside
    assert found["return_bps"]["outside"] is None
    assert (found["slippage_bps"]["paper_n"], found["slippage_bps"]["live_n"]) == (40, number)
