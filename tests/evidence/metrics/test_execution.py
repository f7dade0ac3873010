"""Costs, answers, shortfall, exposure and breakers on rows that can be checked by hand."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from clickhouse_connect.driver.client import Client

from streams.evidence.metrics.compute_metrics import MetricScope, metric_rows
from streams.evidence.metrics.conventions import Conventions
from tests.evidence.metrics.rows import DAY, EPOCH, FIRST_DAY, equity, fill, insert, session

SESSION = MetricScope("session", "s")
SECOND = timedelta(seconds=1)


def rows_of(client: Client, query: str, run_id: str, by: str = "") -> list[dict[str, Any]]:
    return metric_rows(client, query, run_id, SESSION, Conventions(), by)


def result(run_id: str, order_id: str, exec_type: str, **changes: Any) -> dict[str, Any]:
    row = {
        "run_id": run_id,
        "account_id": "A",
        "session_id": "s",
        "order_id": order_id,
        "symbol": "ABC",
        "exec_type": exec_type,
        "reason_code": None,
        "order_qty": Decimal(10),
        "cum_qty": Decimal(0),
        "terminal": exec_type == "REJECTED",
        "ts": FIRST_DAY,
    }
    return row | changes


def execution(
    run_id: str, order_id: str, status: str, cum_qty: int, side: str = "BUY", **changes: Any
) -> dict[str, Any]:
    """Returns a report of an order of 10 that arrived at 100."""
    row = {
        "run_id": run_id,
        "account_id": "A",
        "session_id": "s",
        "order_id": order_id,
        "symbol": "ABC",
        "side": side,
        "ord_status": status,
        "order_qty": Decimal(10),
        "cum_qty": Decimal(cum_qty),
        "last_qty": None,
        "commission": None,
        "arrival_px": Decimal(100),
        "slippage_arrival": None,
        "bid_px": None,
        "ask_px": None,
        "ts": FIRST_DAY,
    }
    return row | changes


def test_costs_against_the_middle_and_arrival(client: Client, run_id: str) -> None:
    """2 at 0.05 worse than the middle, 3 at 0.10 better; one fill knows no middle."""
    insert(client, "account_equity", session(run_id, 1000, [1000, 3000]))
    fills = [
        fill(run_id, "BUY", 2, 100, FIRST_DAY, commission=Decimal(1), slippage_mid=Decimal("0.05")),
        fill(run_id, "BUY", 3, 100, FIRST_DAY, liquidity="ADDED", slippage_mid=Decimal("-0.1")),
        fill(run_id, "BUY", 5, 100, FIRST_DAY + DAY, slippage_arrival=Decimal("0.2")),
        fill(run_id, "BUY", 1, 100, FIRST_DAY, account_id="B", session_id="other"),
    ]
    insert(client, "fills", fills)
    (row,) = rows_of(client, "metrics_costs", run_id)
    assert (row["fills"], row["traded_value"], row["fees"]) == (3, 1000, 1)
    assert (row["slippage_mid"], row["slippage_arrival"]) == (Decimal("-0.2"), 1)
    assert row["slippage_mid_bps"] == pytest.approx(-4)
    assert row["slippage_arrival_bps"] == pytest.approx(20)
    assert (row["fees_bps"], row["maker_share"]) == (pytest.approx(10), pytest.approx(1 / 3))
    assert row["turnover"] == pytest.approx(1000 / 2000)
    days = rows_of(client, "metrics_costs", run_id, "day")
    assert [(day["part"], day["turnover"]) for day in days] == [
        ("2024-01-02", 0.5),
        ("2024-01-03", pytest.approx(1 / 6)),
    ]
    assert days[0]["slippage_arrival"] is None


def test_answers_fill_rate_and_latency(client: Client, run_id: str) -> None:
    insert(client, "account_equity", session(run_id, 1000, [1000]))
    asked = {"run_id": run_id, "account_id": "A", "action": "NEW", "ts": FIRST_DAY}
    insert(client, "orders", [asked | {"order_id": str(number)} for number in range(5)])
    answers = [
        result(run_id, str(number), "NEW", kafka_timestamp=FIRST_DAY + timedelta(milliseconds=10 * (number + 1)))
        for number in range(4)
    ]
    answers += [
        result(run_id, "4", "REJECTED", reason_code="MAX_POSITION", kafka_timestamp=FIRST_DAY + SECOND),
        result(run_id, "0", "FILL", cum_qty=Decimal(10), terminal=True),
        result(run_id, "1", "CANCELED", cum_qty=Decimal(5), terminal=True),
        result(run_id, "2", "EXPIRED", terminal=True),
        result(run_id, "2", "CANCEL_REJECT"),
    ]
    answers = [{"kafka_timestamp": FIRST_DAY + 9 * SECOND} | answer for answer in answers]
    insert(client, "order_results", answers)
    (row,) = rows_of(client, "metrics_orders", run_id)
    assert (row["orders"], row["rejected_orders"], row["reject_rate"]) == (5, 1, pytest.approx(0.2))
    assert (row["ended_orders"], row["fill_rate"], row["cancel_rejects"]) == (3, pytest.approx(0.5), 1)
    (reason,) = rows_of(client, "metrics_rejects", run_id)
    assert (reason["part"], reason["rejects_of_reason"]) == ("MAX_POSITION", 1)
    assert reason["reject_rate_of_reason"] == pytest.approx(0.2)
    (timed,) = rows_of(client, "metrics_execution", run_id)
    assert (timed["timed_orders"], timed["answer_ms_p50"], timed["answer_ms_max"]) == (5, 30, 1000)
    assert timed["answer_ms_p90"] == pytest.approx(40 + 0.6 * 960)
    assert timed["implementation_shortfall"] is None


def test_each_clock_has_its_own_latency(client: Client, run_id: str) -> None:
    """An answer took 625 ms by Kafka's clock; the orders travelled 0 and 20 ms of market time, on two days."""
    insert(client, "account_equity", session(run_id, 1000, [1000, 1000]))
    insert(client, "orders", [{"run_id": run_id, "account_id": "A", "action": "NEW", "order_id": "a", "ts": FIRST_DAY}])
    answered = FIRST_DAY + timedelta(milliseconds=625)
    insert(client, "order_results", [result(run_id, "a", "NEW", kafka_timestamp=answered)])
    insert(client, "fills", [fill(run_id, "BUY", 1, 100, FIRST_DAY, order_id="other")])
    reports = [
        execution(run_id, "a", "NEW", 0, latency_ns=0),
        execution(run_id, "a", "FILLED", 10, latency_ns=None),
        execution(run_id, "b", "NEW", 0, latency_ns=20_000_000, ts=FIRST_DAY + DAY),
    ]
    insert(client, "executions", reports)
    (row,) = rows_of(client, "metrics_execution", run_id)
    assert (row["timed_orders"], row["answer_ms_p50"], row["answer_ms_max"]) == (1, 625, 625)
    assert (row["arrived_orders"], row["venue_ms_p50"], row["venue_ms_max"]) == (2, 10, 20)
    first, second = rows_of(client, "metrics_execution", run_id, "day")
    assert [(day["arrived_orders"], day["venue_ms_p99"], day["answer_ms_p99"]) for day in (first, second)] == [
        (1, 0, 625),
        (1, 20, None),
    ]


def test_shortfall_counts_what_was_not_executed(client: Client, run_id: str) -> None:
    """Bought 4 of 10 for 0.5 more each and a fee of 1, and missed a rise of 2 on 6; sold nothing while it rose by 2."""
    insert(client, "account_equity", session(run_id, 1000, [1000]))
    insert(
        client, "orders", [{"run_id": run_id, "account_id": "A", "action": "NEW", "order_id": "buy", "ts": FIRST_DAY}]
    )
    insert(client, "order_results", [result(run_id, "buy", "NEW")])
    insert(client, "fills", [fill(run_id, "BUY", 4, "100.5", FIRST_DAY)])
    end: dict[str, Any] = {"bid_px": Decimal(101), "ask_px": Decimal(103)}
    part: dict[str, Any] = {"last_qty": Decimal(4), "slippage_arrival": Decimal("0.5"), "commission": Decimal(1)}
    reports = [
        execution(run_id, "buy", "PARTIALLY_FILLED", 4, **part),
        execution(run_id, "buy", "CANCELED", 4, **end),
        execution(run_id, "sell", "EXPIRED", 0, "SELL", **end),
        execution(run_id, "works", "NEW", 0),
        execution(run_id, "one side", "EXPIRED", 0),
    ]
    names = sorted({name for report in reports for name in report})
    insert(client, "executions", [{name: report.get(name) for name in names} for report in reports])
    (row,) = rows_of(client, "metrics_execution", run_id)
    assert row["shortfall_orders"] == 2
    assert row["implementation_shortfall"] == 4 * Decimal("0.5") + 1 + 6 * 2 - 10 * 2
    assert row["implementation_shortfall_bps"] == pytest.approx(-5 / 2000 * 1e4)


def test_shortfall_of_contracts_counts_their_multiplier(client: Client, run_id: str) -> None:
    """Bought 4 of 10 contracts of 50 units for 0.5 more each and a fee of 1, and missed a rise of 2 on 6."""
    insert(client, "account_equity", session(run_id, 1000, [1000]))
    insert(client, "fills", [fill(run_id, "BUY", 4, "100.5", FIRST_DAY, contract_multiplier=Decimal(50))])
    part: dict[str, Any] = {"last_qty": Decimal(4), "slippage_arrival": Decimal("0.5"), "commission": Decimal(1)}
    end: dict[str, Any] = {"bid_px": Decimal(101), "ask_px": Decimal(103)}
    reports = [execution(run_id, "o", "PARTIALLY_FILLED", 4, **part), execution(run_id, "o", "CANCELED", 4, **end)]
    names = sorted({name for report in reports for name in report})
    insert(client, "executions", [{name: report.get(name) for name in names} for report in reports])
    (row,) = rows_of(client, "metrics_execution", run_id)
    assert row["implementation_shortfall"] == 50 * (4 * Decimal("0.5") + 6 * 2) + 1
    assert row["implementation_shortfall_bps"] == pytest.approx(701 / 50_000 * 1e4)


def test_an_order_that_ends_on_a_later_day_costs_on_that_day(client: Client, run_id: str) -> None:
    insert(client, "account_equity", session(run_id, 1000, [1000, 1000]))
    insert(client, "orders", [{"run_id": run_id, "account_id": "A", "action": "NEW", "order_id": "o"}])
    insert(client, "order_results", [result(run_id, "o", "NEW", kafka_timestamp=FIRST_DAY + SECOND)])
    insert(client, "fills", [fill(run_id, "BUY", 1, 100, FIRST_DAY, order_id="other")])
    end: dict[str, Any] = {"bid_px": Decimal(101), "ask_px": Decimal(103), "ts": FIRST_DAY + DAY}
    insert(client, "executions", [execution(run_id, "o", "CANCELED", 0, **end)])
    first, second = rows_of(client, "metrics_execution", run_id, "day")
    assert (first["part"], first["timed_orders"], first["answer_ms_p50"]) == ("2024-01-02", 1, 1000)
    assert (first["shortfall_orders"], first["implementation_shortfall"]) == (None, None)
    assert (second["part"], second["timed_orders"], second["shortfall_orders"]) == ("2024-01-03", 0, 1)
    assert [second[f"answer_ms_{name}"] for name in ("p50", "p90", "p99", "max")] == [None] * 4
    assert second["implementation_shortfall"] == 20


def test_exposure_is_weighted_by_time(client: Client, run_id: str) -> None:
    """50 of 100 for 30 s, short 100 of 100 for 10 s, flat for 60 s."""
    records = [equity(run_id, 100, EPOCH, "SESSION_OPEN")]
    for at, gross, net in ((0, 50, 50), (30, 100, -100), (40, 0, 0), (100, 0, 0)):
        held: dict[str, Any] = {"gross_exposure": Decimal(gross), "position_value": Decimal(net)}
        records.append(equity(run_id, 100, FIRST_DAY + at * SECOND, **held))
    insert(client, "account_equity", records)
    (row,) = rows_of(client, "metrics_exposure", run_id)
    assert row["gross_exposure"] == pytest.approx(0.25)
    assert row["net_exposure"] == pytest.approx(0.05)
    assert (row["max_gross_exposure"], row["time_in_market"]) == (1, pytest.approx(0.4))


def test_breakers_that_opened_are_counted(client: Client, run_id: str) -> None:
    insert(client, "account_equity", session(run_id, 1000, [1000]))
    event: dict[str, Any] = {
        "run_id": run_id,
        "account_id": "A",
        "session_id": "s",
        "kind": "BREAKER_TRANSITION",
        "code": "DRAWDOWN",
    }
    assert [row["breaker_trips"] for row in rows_of(client, "metrics_breakers", run_id)] == [0]
    events = [
        event | {"breaker_state": "OPEN", "ts": FIRST_DAY},
        event | {"breaker_state": "HALF_OPEN", "ts": FIRST_DAY},
        event | {"breaker_state": "OPEN", "ts": FIRST_DAY + DAY},
        event | {"breaker_state": "UNKNOWN", "kind": "ORDER_REJECTED", "ts": FIRST_DAY},
    ]
    insert(client, "risk_events", events)
    assert [row["breaker_trips"] for row in rows_of(client, "metrics_breakers", run_id)] == [2]
    days = rows_of(client, "metrics_breakers", run_id, "day")
    assert [(row["part"], row["breaker_trips"]) for row in days] == [("2024-01-02", 1), ("2024-01-03", 1)]
