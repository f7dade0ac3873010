"""Round trips and FIFO lots equal a slow model, trade statistics follow from them, open positions have their mark."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from clickhouse_connect.driver.client import Client
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.records.numbers import money_text, to_money, to_price
from streams.core.ledger.position import Position
from streams.evidence.metrics.compute_metrics import MetricScope, metric_rows
from streams.evidence.metrics.conventions import Conventions
from tests.evidence.metrics.fifo import Trade, lots, round_trips
from tests.evidence.metrics.rows import DAY, FIRST_DAY, ON_SERVER, fill, insert, new_run, session

STORIES_OF_A_QUERY = 8
ROUNDING = Fraction(1, 10**16)
SESSION = MetricScope("session", "s")
trade = st.builds(
    Trade,
    signed=st.integers(-9, 9).filter(bool),
    price=st.integers(100, 2000).map(lambda value: Decimal(value) / 100),
    fee=st.integers(-5, 50).map(lambda value: Decimal(value) / 1000),
    split=st.sampled_from([1] * 12 + [2, 3]),
)
stories = st.lists(st.lists(trade, min_size=1, max_size=12), min_size=STORIES_OF_A_QUERY, max_size=STORIES_OF_A_QUERY)


def booked(run_id: str, trades: Sequence[Trade], **changes: Any) -> list[dict[str, Any]]:
    """Returns the fills as the account shard books them, a second apart."""
    position, rows = Position(), []
    for number, item in enumerate(trades):
        position.split(item.split, 1)
        quantity, price = to_price(item.signed), to_price(item.price)
        realised = position.book_fill(quantity, price, to_money(item.fee))
        row = fill(
            run_id,
            "BUY" if item.signed > 0 else "SELL",
            abs(item.signed),
            item.price,
            FIRST_DAY + timedelta(seconds=number),
            commission=item.fee,
            realised_pnl=Decimal(money_text(realised)),
            position_qty=Decimal(position.quantity) / 10**9,
        )
        rows.append(row | {"exec_id": str(number)} | changes)
    return rows


def second(row: dict[str, Any], name: str) -> int:
    return int((row[name] - FIRST_DAY.replace(tzinfo=row[name].tzinfo)).total_seconds())


def landed(client: Client, drawn: list[list[Trade]]) -> str:
    """Lands each list of trades as fills of sessions s-0, s-1 and so on."""
    run_id = new_run()
    for number, trades in enumerate(drawn):
        name = f"s-{number}"
        insert(client, "account_equity", session(run_id, 1000, [1000], session_id=name, account_id=name))
        insert(client, "fills", booked(run_id, trades, session_id=name, account_id=name))
    return run_id


@given(stories)
@settings(ON_SERVER, max_examples=6)
def test_lots_and_round_trips_equal_the_model(client: Client, drawn: list[list[Trade]]) -> None:
    run_id = landed(client, drawn)
    all_lots = metric_rows(client, "metrics_lots", run_id, MetricScope("session"), Conventions())
    all_trips = metric_rows(client, "metrics_round_trips", run_id, MetricScope("session"), Conventions())
    for number, trades in enumerate(drawn):
        own = [row for row in all_lots if row["scope_id"] == f"s-{number}"]
        model, still_open = lots(trades)
        ended = [row for row in own if row["closed"] is not None]
        found = {(int(row["open_exec_id"]), int(row["close_exec_id"])): row for row in ended}
        assert len(found) == len(ended) == len(model)
        for lot in model:
            row = found[lot.opened, lot.closed]
            assert row["side"] == ("LONG" if lot.direction > 0 else "SHORT")
            assert Fraction(row["quantity"]) == lot.quantity
            assert abs(Fraction(row["pnl"]) - lot.pnl) <= ROUNDING
            assert (second(row, "opened"), second(row, "closed")) == (lot.opened, lot.closed)
        assert sum(Fraction(row["quantity"]) for row in own if row["closed"] is None) == still_open

        trips = [row for row in all_trips if row["scope_id"] == f"s-{number}" and row["closed"] is not None]
        expected = round_trips(trades)
        assert len(trips) == len(expected)
        for row, trip in zip(trips, expected, strict=True):
            assert row["side"] == ("LONG" if trip.direction > 0 else "SHORT")
            assert abs(Fraction(row["pnl"]) - trip.pnl) <= ROUNDING
            assert (second(row, "opened"), second(row, "closed")) == (trip.opened, trip.closed)


@given(stories)
@settings(ON_SERVER, max_examples=4)
def test_trade_statistics_equal_numpy(client: Client, drawn: list[list[Trade]]) -> None:
    run_id = landed(client, drawn)
    for basis in ("round_trips", "lots"):
        rows = metric_rows(client, "metrics_trades", run_id, MetricScope("strategy", "st"), Conventions(basis=basis))
        closed = [
            item for trades in drawn for item in (round_trips(trades) if basis == "round_trips" else lots(trades)[0])
        ]
        if not closed:
            assert rows == []
            continue
        # An amount that rounds to 0 is neither a win nor a loss.
        profits = np.array([float(item.pnl) if abs(item.pnl) > ROUNDING else 0.0 for item in closed])
        wins, losses = profits[profits > 0], profits[profits < 0]
        (row,) = rows
        assert (row["trades"], row["winning_trades"], row["losing_trades"]) == (len(profits), len(wins), len(losses))
        assert float(row["trade_pnl"]) == pytest.approx(profits.sum(), abs=1e-9)
        expected = {
            "hit_rate": len(wins) / len(profits),
            "expectancy": profits.mean(),
            "profit_factor": wins.sum() / -losses.sum() if len(losses) else None,
            "average_win": wins.mean() if len(wins) else None,
            "average_loss": losses.mean() if len(losses) else None,
            "holding_seconds": np.mean([item.closed - item.opened for item in closed]),
            "payoff": None,
            "expectancy_ratio": None,
            "sqn": None,
        }
        if len(wins) and len(losses):
            payoff = wins.mean() / -losses.mean()
            expected |= {"payoff": payoff, "expectancy_ratio": (1 + payoff) * len(wins) / len(profits) - 1}
        if len(profits) > 1 and profits.std(ddof=1) > 1e-14:
            expected["sqn"] = np.sqrt(len(profits)) * profits.mean() / profits.std(ddof=1)
        got = {name: row[name] for name in expected}
        assert got == {k: None if v is None else pytest.approx(v, rel=1e-9, abs=1e-9) for k, v in expected.items()}


def test_trades_by_day_and_by_instrument(client: Client, run_id: str) -> None:
    insert(client, "account_equity", session(run_id, 1000, [1000]))
    buys = [Trade(1, Decimal(10), Decimal(0)), Trade(-1, Decimal(12), Decimal(0))]
    insert(client, "fills", booked(run_id, buys, symbol="XYZ"))
    late = [row | {"ts": row["ts"] + DAY} for row in booked(run_id, [*buys, *buys])]
    insert(client, "fills", late)
    parts = {}
    for by in ("", "day", "instrument"):
        rows = metric_rows(client, "metrics_trades", run_id, SESSION, Conventions(), by)
        parts[by] = {row["part"]: row["trades"] for row in rows}
    assert parts == {"": {"": 3}, "day": {"2024-01-02": 1, "2024-01-03": 2}, "instrument": {"ABC": 2, "XYZ": 1}}


def test_a_trade_in_another_currency_is_in_the_accounts(client: Client, run_id: str) -> None:
    """Bought at 10 EUR at 1.10 USD, sold at 10 EUR at 1.20: the currency made a dollar of ten euros."""
    insert(client, "account_equity", session(run_id, 1000, [1000]))
    rows = booked(run_id, [Trade(1, Decimal(10), Decimal("0.5")), Trade(-1, Decimal(10), Decimal(0))])
    euros = {"currency": "EUR", "account_currency": "USD"}
    rows = [row | euros | {"fx_rate": Decimal(rate)} for row, rate in zip(rows, ("1.1", "1.2"), strict=True)]
    rows[1]["realised_pnl"] = Decimal(1)
    rows[0]["realised_pnl"] = Decimal("-0.55")
    insert(client, "fills", rows)
    for basis in ("round_trips", "lots"):
        (row,) = metric_rows(client, "metrics_trades", run_id, SESSION, Conventions(basis=basis))
        assert row["trade_pnl"] == Decimal("0.45")
    (costs,) = metric_rows(client, "metrics_costs", run_id, SESSION, Conventions())
    assert (costs["traded_value"], costs["fees"], costs["realised_pnl"]) == (23, Decimal("0.55"), Decimal("0.45"))


def test_an_open_position_of_contracts_is_valued_by_their_multiplier(client: Client, run_id: str) -> None:
    insert(client, "account_equity", session(run_id, 1000, [1000]))
    insert(client, "fills", [fill(run_id, "SELL", 2, 9, FIRST_DAY, contract_multiplier=Decimal(50))])
    held = {"run_id": run_id, "account_id": "A", "session_id": "s", "currency": "USD", "ts": FIRST_DAY}
    held |= {"realised_pnl": Decimal(0), "commission": Decimal(0), "avg_px": Decimal(9)}
    insert(client, "positions", [held | {"symbol": "ABC", "quantity": Decimal(-2), "cost": Decimal(-900)}])
    mark = {"run_id": run_id, "kind": "QUOTE", "symbol": "ABC", "ts": FIRST_DAY}
    insert(client, "marks", [mark | {"bid_px": Decimal(10), "ask_px": Decimal(10)}])
    (short,) = metric_rows(client, "metrics_positions", run_id, SESSION, Conventions())
    assert (short["position_value"], short["unrealised_pnl"]) == (Decimal(-1000), Decimal(-100))


def test_an_open_position_has_its_last_mark_and_the_marks_age(client: Client, run_id: str) -> None:
    insert(client, "account_equity", session(run_id, 1000, [1000]))
    held = {"run_id": run_id, "account_id": "A", "session_id": "s", "currency": "USD", "ts": FIRST_DAY}
    held |= {"realised_pnl": Decimal(0), "commission": Decimal(0), "avg_px": Decimal(9)}
    positions = [
        held | {"symbol": "ABC", "quantity": Decimal(-2), "cost": Decimal(-18)},
        held | {"symbol": "OLD", "quantity": Decimal(3), "cost": Decimal(27)},
        held | {"symbol": "XYZ", "quantity": Decimal(1), "cost": Decimal(9)},
        held | {"symbol": "XYZ", "quantity": Decimal(0), "cost": Decimal(0)},
    ]
    insert(client, "positions", positions)
    mark = {"run_id": run_id, "kind": "QUOTE", "symbol": "ABC", "ask_px": Decimal("10.01")}
    marks = [
        mark | {"bid_px": Decimal(9), "ts": FIRST_DAY},
        mark | {"bid_px": Decimal(10), "ts": FIRST_DAY + timedelta(seconds=1)},
        mark
        | {"kind": "HEARTBEAT", "symbol": "", "bid_px": None, "ask_px": None, "ts": FIRST_DAY + timedelta(seconds=5)},
    ]
    insert(client, "marks", marks)
    short, unmarked = metric_rows(client, "metrics_positions", run_id, SESSION, Conventions())
    assert (short["symbol"], short["mark"], short["mark_age_seconds"]) == ("ABC", Decimal("10.005"), 4)
    assert (short["position_value"], short["unrealised_pnl"]) == (Decimal("-20.01"), Decimal("-2.01"))
    assert (unmarked["symbol"], unmarked["quantity"]) == ("OLD", 3)
    assert [unmarked[name] for name in ("mark", "mark_age_seconds", "position_value", "unrealised_pnl")] == [None] * 4
