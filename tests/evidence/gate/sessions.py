"""Sessions made of rows: one that passes the gate, and changes that each make one criterion fail."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from clickhouse_connect.driver.client import Client

from schemas.records.numbers import NANOS_PER_S
from streams.evidence.gate.criteria import Suite
from tests.evidence.metrics import rows

COMMIT = "0123abc"
AS_OF = rows.FIRST_DAY + timedelta(days=400)
AS_OF_NS = int(AS_OF.timestamp()) * NANOS_PER_S
LIVE = "live:SIM:test"
MARKET = timedelta(hours=2)
"""Market time of a day."""
Clock = Callable[[datetime], datetime]
"""The broker's time at which something of a market's time is appended."""
STEADY = (300, -100, 250, 150, -50, 200)
"""Daily changes of equity, repeated in turn."""


def suite_case(run_id: str, suite: str, status: str = "PASSED", age: float = 1, **changes: Any) -> dict[str, Any]:
    """Returns one case of a suite that ran some hours ago."""
    ts = AS_OF - timedelta(hours=age)
    row = {"run_id": run_id, "suite": suite, "case": f"{suite}.case", "status": status, "commit": COMMIT, "ts": ts}
    return row | changes


GREEN = (Suite(name="reconcile", age_hours_max=24), Suite(name="replay-verify", age_hours_max=24))


def insert_session(
    client: Client,
    run_id: str,
    *,
    changes: Sequence[int] = STEADY * 20,
    fills_a_day: int = 4,
    fee: str = "1",
    profit: str = "50",
    loss: str = "-20",
    trials: tuple[int, float | None] | None = (1, None),
    suites: Sequence[str] = ("pytest", "reconcile", "replay-verify"),
    age: float = 1,
    stale: str = "",
    failing: str = "",
    mock_fills: int = 0,
    source: str = LIVE,
    clock: Clock = lambda ts: ts,
    booked: Clock | None = None,
) -> None:
    """Inserts a session of strategy st that meets every criterion.

    age: age of the suites' reports in hours. The report of stale is older than any criterion allows. mock_fills: number
    of first fills, which the MockExecutor drew. source: that of the market. clock: of the market's records, live if not
    given. booked: clock of the fills, by default that of the market.
    """
    ends = [Decimal(100_000) + sum(changes[: number + 1]) for number in range(len(changes))]
    rows.insert(client, "account_equity", rows.session(run_id, 100_000, ends))
    days = [_day(run_id, number, fills_a_day, fee, profit, loss) for number in range(len(changes))]
    moments = [
        rows.FIRST_DAY + number * rows.DAY + MARKET * part / 4 for number in range(len(changes)) for part in range(5)
    ]
    rows.insert(client, "market_data", [market_record(run_id, ts, clock(ts), source) for ts in moments])
    marks, fills, answers = ([row for day in days for row in day[number]] for number in range(3))
    simulated = [
        row
        | {"simulator": "mock" if number < mock_fills else "realistic", "kafka_timestamp": (booked or clock)(row["ts"])}
        for number, row in enumerate(fills)
    ]
    for table, found in (("marks", marks), ("fills", simulated), ("order_results", answers)):
        rows.insert(client, table, found)
    opened = {"run_id": run_id, "account_id": "A", "session_id": "s", "kind": "SESSION_OPENED", "ts": rows.FIRST_DAY}
    rows.insert(client, "risk_events", [opened])
    if trials is not None:
        declared = {"run_id": run_id, "strategy_id": "st", "kind": "TRIALS", "ts": AS_OF, "trials": trials[0]}
        rows.insert(client, "gate_decisions", [declared | {"trials_variance": trials[1]}])
    for suite in suites:
        hours = 200 if suite == stale else age
        rows.insert(client, "test_results", [suite_case(run_id, suite, age=hours)])
        rows.insert(client, "test_results", [suite_case(run_id, suite, "SKIPPED", age=hours, case="other")])
    if failing:
        rows.insert(client, "test_results", [suite_case(run_id, failing, "FAILED", age=age, case="broken")])


def market_record(
    run_id: str, ts: datetime, appended: datetime, source: str = LIVE, first: datetime | None = None
) -> dict[str, Any]:
    """Returns a record of the market of ABC with a quote at ts. first: time of a quote before it in the record."""
    times = [ts] if first is None else [first, ts]
    row = {"run_id": run_id, "symbol": "ABC", "ts": ts, "kinds": "Q" * len(times), "times": times}
    return row | {"kafka_timestamp": appended, "source": source}


def insert_breaker(client: Client, run_id: str, day: int, *states: str, account: str = "A") -> None:
    """Inserts transitions of a breaker, a second apart. account: empty for the desk."""
    for number, state in enumerate(states):
        ts = rows.FIRST_DAY + day * rows.DAY + timedelta(seconds=number)
        row = {"run_id": run_id, "account_id": account, "session_id": "s" if account else None, "ts": ts}
        row |= {"kind": "BREAKER_TRANSITION"}
        rows.insert(client, "risk_events", [row | {"breaker": "drawdown", "breaker_state": state}])


def _day(
    run_id: str, number: int, fills: int, fee: str, profit: str, loss: str
) -> tuple[list[dict[str, Any]], list[dict[str, Any]], list[dict[str, Any]]]:
    """Inserts marks, fills and answers of a day."""
    start = rows.FIRST_DAY + number * rows.DAY
    done = []
    for pair in range(fills // 2):
        ts = start + timedelta(minutes=pair)
        gross = Decimal(profit if pair % 2 == 0 else loss)
        known = {"commission": Decimal(fee), "slippage_mid": Decimal("0.01"), "quote_ts": ts}
        bought = rows.fill(run_id, "BUY", 10, 100, ts, position_qty=Decimal(10), realised_pnl=-Decimal(fee), **known)
        price = Decimal(100) + gross / 10
        sold = rows.fill(
            run_id, "SELL", 10, price, ts + timedelta(seconds=9), realised_pnl=gross - Decimal(fee), **known
        )
        done += [bought, sold]
    answers = [
        {"run_id": run_id, "account_id": "A", "session_id": "s", "order_id": row["order_id"], "source": "EXECUTION"}
        | {"exec_type": "NEW", "ts": row["ts"]}
        for row in done
    ]
    return _marks(run_id, start, number), done, answers


def _marks(run_id: str, start: datetime, number: int) -> list[dict[str, Any]]:
    """Inserts three quotes of a day, so that days have three sizes of range and rise or fall."""
    swing = Decimal(1 + number % 3)
    rise = Decimal("0.5") if number % 2 else Decimal("-0.5")
    return [
        {"run_id": run_id, "symbol": "ABC", "kind": "QUOTE", "ts": start + timedelta(minutes=minute)}
        | {"bid_px": middle, "ask_px": middle}
        for minute, middle in enumerate((Decimal(100), Decimal(100) + swing, Decimal(100) + rise))
    ]
