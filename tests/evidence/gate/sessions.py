"""Sessions made of rows: one that passes the gate, and changes that each make one criterion fail."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

from clickhouse_connect.driver.client import Client

from schemas.records.numbers import NANOS_PER_S
from streams.evidence.gate.criteria import case_of, read_criteria
from streams.evidence.gate.gate_desk import CRITERIA_FILE
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


PROVED = {
    query: [{"found": "1 of each", "problem": ""}] for query in ("proof_rows", "proof_replay", "proof_reconciliation")
}
"""The rows that a proof without a problem adds to the evidence."""


SUITE = read_criteria(CRITERIA_FILE).criteria.suite[0]
"""The project's own tests, as the criteria ask for them."""


def whole_cases() -> list[str]:
    """Returns the cases that the criteria ask for, and no more: each named test with two parameters, and others."""
    named = [f"{case_of(test)}[{number}]" for test in SUITE.tests for number in range(2)]
    return named + [f"tests.test_other.test_{number}" for number in range(SUITE.passed_min - len(named))]


def whole_report(run_id: str, age: float = 1) -> list[dict[str, Any]]:
    """Returns the cases of a report that the criteria ask for, and a skipped one."""
    found = [suite_case(run_id, SUITE.name, age=age, case=case) for case in whole_cases()]
    return [*found, suite_case(run_id, SUITE.name, "SKIPPED", age, case="other")]


def write_report(file: Path, suite: str, cases: Sequence[str], of: str = COMMIT) -> Path:
    """Writes a JUnit report of a commit whose cases all passed just now."""
    written = "".join(f"<testcase name={quoteattr(case)}/>" for case in cases)
    commit = f'<properties><property name="commit" value="{of}"/></properties>'
    stamp = datetime.now(UTC).isoformat()
    file.write_text(f'<testsuite name="{suite}" timestamp="{stamp}">{commit}{written}</testsuite>')
    return file


def insert_session(
    client: Client,
    run_id: str,
    *,
    changes: Sequence[int] = STEADY * 20,
    fills_a_day: int = 4,
    fee: str = "1",
    slippage: str = "0.01",
    size: int = 10,
    cash: int = 100_000,
    profit: str = "50",
    loss: str = "-20",
    trials: tuple[int, float | None] | None = (1, None),
    tests: Sequence[dict[str, Any]] | None = None,
    failing: str = "",
    age: float = 1,
    mock_fills: int = 0,
    strategy: str = "st",
    source: str = LIVE,
    clock: Clock = lambda ts: ts,
    booked: Clock | None = None,
) -> None:
    """Inserts a session of a strategy that meets every criterion.

    tests: cases of the report of the project's tests, by default of a whole one; age in hours. mock_fills: number of
    first fills, which the MockExecutor drew. source: that of the market. clock: of the market's records, live if not
    given. booked: clock of the fills, by default that of the market.
    """
    ends = [Decimal(cash) + sum(changes[: number + 1]) for number in range(len(changes))]
    rows.insert(client, "account_equity", rows.session(run_id, cash, ends, strategy_id=strategy))
    paid = {"commission": Decimal(fee), "slippage_mid": Decimal(slippage)}
    days = [_day(run_id, number, fills_a_day, size, paid, profit, loss) for number in range(len(changes))]
    moments = [
        rows.FIRST_DAY + number * rows.DAY + MARKET * part / 4 for number in range(len(changes)) for part in range(5)
    ]
    rows.insert(client, "market_data", [market_record(run_id, ts, clock(ts), source) for ts in moments])
    marks, fills, answers = ([row for day in days for row in day[number]] for number in range(3))
    simulated = [
        row
        | {"strategy_id": strategy, "simulator": "mock" if number < mock_fills else "realistic"}
        | {"kafka_timestamp": (booked or clock)(row["ts"])}
        for number, row in enumerate(fills)
    ]
    for table, found in (("marks", marks), ("fills", simulated), ("order_results", answers)):
        rows.insert(client, table, found)
    opened = {"run_id": run_id, "account_id": "A", "session_id": "s", "kind": "SESSION_OPENED", "ts": rows.FIRST_DAY}
    rows.insert(client, "risk_events", [opened])
    if trials is not None:
        declared = {"run_id": run_id, "strategy_id": strategy, "kind": "TRIALS", "ts": AS_OF, "trials": trials[0]}
        rows.insert(client, "gate_decisions", [declared | {"trials_variance": trials[1]}])
    rows.insert(client, "test_results", whole_report(run_id, age=age) if tests is None else tests)
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
    run_id: str, number: int, fills: int, size: int, paid: dict[str, Decimal], profit: str, loss: str
) -> tuple[list[dict[str, Any]], list[dict[str, Any]], list[dict[str, Any]]]:
    """Returns marks, fills and answers of a day. paid: commission and slippage of each fill."""
    start, fee = rows.FIRST_DAY + number * rows.DAY, paid["commission"]
    done = []
    for pair in range(fills // 2):
        ts = start + timedelta(minutes=pair)
        gross = Decimal(profit if pair % 2 == 0 else loss)
        known = {"quote_ts": ts, **paid}
        bought = rows.fill(run_id, "BUY", size, 100, ts, position_qty=Decimal(size), realised_pnl=-fee, **known)
        price = Decimal(100) + gross / size
        sold = rows.fill(run_id, "SELL", size, price, ts + timedelta(seconds=9), realised_pnl=gross - fee, **known)
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
