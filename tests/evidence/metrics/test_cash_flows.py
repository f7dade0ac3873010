"""External cash flows make no return and hide none: openings and names in any order, against units of a fund."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from typing import Any

import pytest
from clickhouse_connect.driver.client import Client
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.evidence.metrics.compute_metrics import MetricScope, metric_rows
from streams.evidence.metrics.conventions import Conventions
from streams.evidence.query_rows import query_rows
from tests.evidence.metrics.rows import DAY, FIRST_DAY, ON_SERVER, equity, fill, insert, new_run, session

ACCOUNT = MetricScope("account", "A")
Row = dict[str, Any]


@dataclass(frozen=True)
class Trade:
    """A trade that changes equity by so many percent."""

    percent: int


@dataclass(frozen=True)
class Reopen:
    """A closing, and an opening under a name; cash: what the session gets, None for what is left."""

    name: str
    cash: int | None = None


Step = Trade | Reopen


@dataclass
class Fund:
    """A fund whose units are bought and redeemed at their price: the plain model of a time-weighted return."""

    price: Fraction = Fraction(1)
    units: Fraction = Fraction(0)
    gained: Fraction = Fraction(0)
    prices: list[Fraction] = field(default_factory=list)
    steps: list[Fraction] = field(default_factory=lambda: [Fraction(1)])

    @property
    def value(self) -> Fraction:
        return self.units * self.price

    def take(self, step: Step) -> None:
        if isinstance(step, Trade):
            before = self.value
            self.price *= Fraction(100 + step.percent, 100)
            self.gained += self.value - before
            self.steps.append(self.price)
        elif step.cash is not None:
            self.units = Fraction(step.cash) / self.price

    def end_day(self) -> None:
        self.prices.append(self.price)


def records(run_id: str, days: list[list[Step]], minutes: int, **changes: Any) -> list[Row]:
    """Returns the records of an account that begins with 1,000 in session s, some minutes from step to step."""
    value = peak = Decimal(1000)
    name, ts = "s", FIRST_DAY - timedelta(hours=1)
    found: list[Row] = []

    def record(trigger: str) -> None:
        whose = {"session_id": name, "peak_equity": peak, "drawdown": value - peak} | changes
        found.append(equity(run_id, value, ts, trigger, **whose))

    record("SESSION_OPEN")
    for number, steps in enumerate(days):
        ts = FIRST_DAY + number * DAY
        for step in [*steps, Trade(0)]:
            ts += timedelta(minutes=minutes)
            if isinstance(step, Trade):
                value = value * (100 + step.percent) / 100
                peak = max(peak, value)
                record("FILL")
            else:
                record("SESSION_CLOSE")
                name, value = step.name, value if step.cash is None else Decimal(step.cash)
                peak = value
                record("SESSION_OPEN")
    return found


trades = st.integers(-40, 40).map(Trade)
openings = st.builds(Reopen, st.sampled_from("st"), st.none() | st.sampled_from([1, 500, 100_000]))
stories = st.lists(st.lists(trades | openings, max_size=5), min_size=1, max_size=4)


@given(st.lists(st.tuples(stories, st.sampled_from([1, 20])), min_size=6, max_size=6))
@settings(ON_SERVER, max_examples=8)
def test_a_days_return_is_that_of_a_funds_unit(client: Client, drawn: list[tuple[list[list[Step]], int]]) -> None:
    run_id, funds, rows = new_run(), {}, []
    for number, (days, minutes) in enumerate(drawn):
        account, fund = f"A{number}", Fund(units=Fraction(1000))
        for steps in days:
            for step in steps:
                fund.take(step)
            fund.end_day()
        rows += records(run_id, days, minutes, account_id=account)
        funds[account] = fund
    insert(client, "account_equity", rows)
    totals = {row["scope_id"]: row for row in metric_rows(client, "metrics_returns", run_id, all_of("account"), FEW)}
    for account, fund in funds.items():
        daily = days_of(client, run_id, MetricScope("account", account))
        before = [Fraction(1), *fund.prices]
        returns = [float(price / earlier - 1) for earlier, price in pairwise(before)]
        assert [row["daily_return"] for row in daily] == [pytest.approx(value, abs=1e-12) for value in returns]
        total = totals[account]
        assert total["total_return"] == pytest.approx(float(fund.price - 1), abs=1e-12)
        assert total["max_drawdown"] == pytest.approx(lowest(before), abs=1e-12)
        assert total["max_drawdown_intraday"] == pytest.approx(lowest(fund.steps), abs=1e-12)
        assert Fraction(total["net_pnl"]) == fund.gained == sum(Fraction(row["day_pnl"]) for row in daily)
        assert total["end_equity"] - total["start_equity"] == total["net_pnl"] + total["net_cash_flow"]


def lowest(prices: list[Fraction]) -> float:
    """Returns the lowest price against the highest price before it."""
    return min(float(price / max(prices[: number + 1]) - 1) for number, price in enumerate(prices))


FEW = Conventions(min_returns=1, min_calendar_days=1)


def all_of(kind: str) -> MetricScope:
    return MetricScope(kind)


def days_of(client: Client, run_id: str, scope: MetricScope) -> list[Row]:
    return metric_rows(client, "metrics_days", run_id, scope, FEW)


@st.composite
def interrupted(draw: st.DrawFn) -> tuple[list[list[Step]], list[list[Step]]]:
    """Returns days of trades, and the same trades with openings of any name and cash between them."""
    plain = draw(st.lists(st.lists(trades, max_size=3), min_size=1, max_size=3))
    mixed: list[list[Step]] = []
    for day in plain:
        steps: list[Step] = []
        for trade in day:
            steps += [*draw(st.lists(openings, max_size=2)), trade]
        mixed.append(steps)
    return [list(day) for day in plain], mixed


@given(st.lists(interrupted(), min_size=6, max_size=6))
@settings(ON_SERVER, max_examples=8)
def test_no_order_of_openings_changes_a_days_return(
    client: Client, drawn: list[tuple[list[list[Step]], list[list[Step]]]]
) -> None:
    run_id, rows = new_run(), []
    for number, stories in enumerate(drawn):
        for kind, days in zip(("plain", "mixed"), stories, strict=True):
            rows += records(run_id, days, 7, account_id=f"{kind}-{number}", strategy_id=f"{kind}-{number}")
    insert(client, "account_equity", rows)
    for scope in ("account", "strategy"):
        found: dict[str, list[Any]] = {}
        for row in metric_rows(client, "metrics_days", run_id, all_of(scope), FEW):
            found.setdefault(row["scope_id"], []).append((row["part"], pytest.approx(row["daily_return"], abs=1e-12)))
        assert len(found) == 2 * len(drawn)
        for number in range(len(drawn)):
            assert found[f"mixed-{number}"] == found[f"plain-{number}"], drawn[number]


LOSS_THEN_GAIN = [
    pytest.param([Reopen("s", 100_000)], -2_922, 0.9698 * 1.00098 - 1, id="same name, same cash"),
    pytest.param([Reopen("t", 100_000)], -2_922, 0.9698 * 1.00098 - 1, id="other name, same cash"),
    pytest.param([Reopen("s"), Reopen("t"), Reopen("s")], -2_922, 97_078 / 100_000 - 1, id="the cash that is left"),
]


@pytest.mark.parametrize(("between", "pnl", "day"), LOSS_THEN_GAIN)
def test_a_reopening_keeps_the_loss_of_the_day(
    client: Client, run_id: str, between: list[Reopen], pnl: int, day: float
) -> None:
    """100,000 fall by 3,020. Another session gains 98. The day lost 2.92 %, whatever the sessions are called."""
    rows, name, ts = session(run_id, 100_000, [96_980]), "s", FIRST_DAY
    for opening in between:
        rows.append(equity(run_id, 96_980, ts, "SESSION_CLOSE", session_id=name))
        name, cash = opening.name, opening.cash or 96_980
        rows.append(equity(run_id, cash, ts, "SESSION_OPEN", session_id=name))
    rows.append(equity(run_id, cash + 98, ts + timedelta(minutes=1), session_id=name))
    insert(client, "account_equity", rows)
    for scope in (ACCOUNT, MetricScope("strategy", "st")):
        (row,) = metric_rows(client, "metrics_returns", run_id, scope, FEW)
        assert row["net_pnl"] == pnl
        assert row["worst_day"] == row["max_drawdown"] == row["total_return"] == pytest.approx(day)
        assert row["net_cash_flow"] == (3_020 if cash == 100_000 else 0)


def test_a_session_counts_all_its_openings_and_those_of_no_other(client: Client, run_id: str) -> None:
    rows = records(run_id, [[Trade(-20), Reopen("t", 500), Trade(10), Reopen("s", 2_000), Trade(5)]], 1)
    insert(client, "account_equity", rows)
    returns = metric_rows(client, "metrics_returns", run_id, all_of("session"), FEW)
    found = {row["scope_id"]: (row["total_return"], row["net_pnl"], row["net_cash_flow"]) for row in returns}
    assert found == {
        "s": (pytest.approx(0.8 * 1.05 - 1), Decimal(-200 + 100), Decimal(2_000 - 800)),
        "t": (pytest.approx(0.1), Decimal(50), Decimal(0)),
    }


def test_the_record_of_cash_flows_explains_all_that_was_not_earned(client: Client, run_id: str) -> None:
    days: list[list[Step]] = [[Trade(-20), Reopen("t"), Reopen("s", 2_000)], [Trade(5), Reopen("s", 500), Trade(10)]]
    insert(client, "account_equity", [*records(run_id, days, 1), *session(run_id, 7, [8], account_id="B")])
    flows = query_rows(client, "cash_flows", {"run_id": run_id, "account_id": "A"}, "A")
    assert [(row["session_id"], row["reason"], row["amount"]) for row in flows] == [
        ("s", "DEPOSIT", 1_000),
        ("s", "WITHDRAWAL", -800),
        ("t", "DEPOSIT", 800),
        ("t", "WITHDRAWAL", -800),
        ("s", "DEPOSIT", 2_000),
        ("s", "WITHDRAWAL", -2_100),
        ("s", "DEPOSIT", 500),
    ]
    (row,) = metric_rows(client, "metrics_returns", run_id, ACCOUNT, FEW)
    assert row["net_pnl"] == row["end_equity"] - sum(flow["amount"] for flow in flows)
    assert row["net_cash_flow"] == sum(flow["amount"] for flow in flows[1:])
    assert len(query_rows(client, "cash_flows", {"run_id": run_id, "account_id": ""}, "all")) == len(flows) + 1


def test_a_strategy_counts_its_own_openings_of_a_name(client: Client, run_id: str) -> None:
    rows = records(run_id, [[Trade(-20)]], 1, strategy_id="one")
    rows.append(equity(run_id, 800, FIRST_DAY + DAY, "SESSION_CLOSE", strategy_id="one"))
    rows.append(equity(run_id, 800, FIRST_DAY + DAY, "SESSION_OPEN", strategy_id="two"))
    rows.append(equity(run_id, 880, FIRST_DAY + DAY, "FILL", strategy_id="two"))
    insert(client, "account_equity", rows)
    returns = metric_rows(client, "metrics_returns", run_id, all_of("strategy"), FEW)
    assert {row["scope_id"]: row["total_return"] for row in returns} == {
        "one": pytest.approx(-0.2),
        "two": pytest.approx(0.1),
    }
    insert(client, "fills", [fill(run_id, "BUY", 1, 10, FIRST_DAY)])
    whole = MetricScope("session", "s")
    (row,) = metric_rows(client, "metrics_returns", run_id, whole, FEW)
    assert row["total_return"] == pytest.approx(0.8 * 1.1 - 1)
    (row,) = metric_rows(client, "metrics_costs", run_id, whole, FEW)
    assert row["fills"] == 1, "not once for each strategy"


def test_openings_in_two_currencies_are_two_records(client: Client, run_id: str) -> None:
    rows = session(run_id, 100, [80])
    rows.append(equity(run_id, 50, FIRST_DAY, "SESSION_OPEN", currency="EUR"))
    rows.append(equity(run_id, 60, FIRST_DAY, currency="EUR"))
    rows.append(equity(run_id, 200, FIRST_DAY, "SESSION_OPEN"))
    rows.append(equity(run_id, 210, FIRST_DAY))
    insert(client, "account_equity", rows)
    returns = metric_rows(client, "metrics_returns", run_id, ACCOUNT, FEW)
    assert {row["currency"]: row["total_return"] for row in returns} == {
        "EUR": pytest.approx(0.2),
        "USD": pytest.approx(0.8 * 1.05 - 1),
    }


def test_a_summary_of_runs_takes_no_deposit_for_a_result(client: Client, run_id: str) -> None:
    rows = [
        equity(run_id, value, FIRST_DAY, trigger, commission=Decimal(paid), realised_pnl=Decimal(realised))
        for value, trigger, paid, realised in [
            (100, "SESSION_OPEN", 0, 0),
            (80, "FILL", 2, -20),
            (500, "SESSION_OPEN", 0, 0),
            (510, "FILL", 1, 10),
        ]
    ]
    insert(client, "account_equity", rows)
    (row,) = query_rows(client, "replay_summary", {"run_ids": [run_id]}, "runs")
    assert (row["result"], row["fees"], row["realised"], row["fills"]) == (-10, 3, -10, 2)


@pytest.mark.parametrize("first", [1, 100_000])
def test_a_loss_of_one_account_weighs_what_it_had_on_the_day(client: Client, run_id: str, first: int) -> None:
    """Account A stands still with 100,000. B is opened with little or much first, then with 100,000, and loses 20 %."""
    rows = session(run_id, 100_000, [100_000])
    b: Row = {"account_id": "B", "session_id": "b"}
    rows += session(run_id, first, [first], **b)
    rows.append(equity(run_id, 100_000, FIRST_DAY, "SESSION_OPEN", **b))
    rows.append(equity(run_id, 80_000, FIRST_DAY, **b))
    insert(client, "account_equity", rows)
    (row,) = metric_rows(client, "metrics_returns", run_id, MetricScope("strategy", "st"), FEW)
    assert (row["net_pnl"], row["worst_day"]) == (-20_000, pytest.approx(-0.1))


def test_a_deposit_after_a_total_loss_restores_nothing(client: Client, run_id: str) -> None:
    rows = session(run_id, 100, [-20])
    rows.append(equity(run_id, 100, FIRST_DAY, "SESSION_OPEN"))
    rows.append(equity(run_id, -50, FIRST_DAY))
    rows.append(equity(run_id, 100, FIRST_DAY + DAY, "SESSION_OPEN"))
    rows.append(equity(run_id, 900, FIRST_DAY + DAY))
    insert(client, "account_equity", rows)
    (row,) = metric_rows(client, "metrics_returns", run_id, ACCOUNT, FEW)
    assert (row["total_return"], row["worst_day"], row["net_pnl"]) == (-1, -1, -120 - 150 + 800)


def test_an_opening_without_cash_that_earns_nothing_undefines_nothing(client: Client, run_id: str) -> None:
    rows = session(run_id, 0, [0])
    rows.append(equity(run_id, 100, FIRST_DAY, "SESSION_OPEN"))
    rows.append(equity(run_id, 80, FIRST_DAY))
    insert(client, "account_equity", rows)
    (row,) = metric_rows(client, "metrics_returns", run_id, ACCOUNT, FEW)
    assert row["worst_day"] == pytest.approx(-0.2)


def test_a_quiet_day_belongs_to_the_sub_period_that_is_open(client: Client, run_id: str) -> None:
    """A closed session has no days after its end, also if its name is opened again later."""
    rows = session(run_id, 100, [90])
    rows.append(equity(run_id, 90, FIRST_DAY, "SESSION_CLOSE"))
    rows.append(equity(run_id, 200, FIRST_DAY + 3 * DAY, "SESSION_OPEN"))
    rows.append(equity(run_id, 220, FIRST_DAY + 3 * DAY))
    insert(client, "account_equity", rows)
    traded = {"run_id": run_id, "account_id": "A", "session_id": "s", "symbol": "ABC", "ts": FIRST_DAY}
    insert(client, "fills", [traded])
    quote = {"run_id": run_id, "kind": "QUOTE", "symbol": "ABC", "bid_px": Decimal(9), "ask_px": Decimal(11)}
    insert(client, "marks", [quote | {"ts": FIRST_DAY + day * DAY} for day in range(6)])
    found = {date.fromisoformat(row["part"]).day: row["daily_return"] for row in days_of(client, run_id, ACCOUNT)}
    assert found == {2: pytest.approx(-0.1), 5: pytest.approx(0.1), 6: 0, 7: 0}


def test_an_opening_between_quarters_is_told_by_its_place(client: Client, run_id: str) -> None:
    """Sums by quarter of an hour and records of a quarter with an opening come to one history."""
    rows, quarter = [], timedelta(minutes=15)
    start = datetime(2024, 1, 2, 15, tzinfo=FIRST_DAY.tzinfo)
    rows.append(equity(run_id, 100, start, "SESSION_OPEN"))
    rows += [equity(run_id, value, start + number * quarter) for number, value in enumerate((90, 95, 80))]
    rows.append(equity(run_id, 80, start + 3 * quarter, "SESSION_CLOSE"))
    rows.append(equity(run_id, 1_000, start + 3 * quarter, "SESSION_OPEN"))
    rows += [equity(run_id, value, start + number * quarter) for number, value in ((3, 900), (4, 950), (5, 800))]
    insert(client, "account_equity", rows)
    (row,) = metric_rows(client, "metrics_returns", run_id, ACCOUNT, FEW)
    assert row["total_return"] == pytest.approx(0.64 - 1)
