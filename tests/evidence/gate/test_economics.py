"""The economics query equals a slow, plain model over random fills."""

from __future__ import annotations

import itertools
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple

import pytest
from clickhouse_connect.driver.client import Client
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.evidence.gate.gather_evidence import plain_rows
from tests.evidence.metrics import rows
from tests.evidence.metrics.rows import ON_SERVER

CURRENCY = {"A": "USD", "B": "USD", "C": "EUR"}
COST_MULTIPLE = 3
_strategies = itertools.count()


class Done(NamedTuple):
    """A fill. mid, arrival: slippage of a unit; None if it is not known. fx: to the account's currency."""

    account: str
    symbol: str
    quantity: int
    price: int
    fee: Decimal
    mid: Decimal | None
    arrival: Decimal | None
    pnl: int
    fx: Decimal | None


small = st.integers(-30, 30).map(lambda value: Decimal(value) / 100)
fills = st.builds(
    Done,
    account=st.sampled_from("ABC"),
    symbol=st.sampled_from(["X", "Y", "Z"]),
    quantity=st.integers(1, 50),
    price=st.integers(1, 200),
    fee=small,
    mid=st.none() | small,
    arrival=st.none() | small,
    pnl=st.integers(-500, 500),
    fx=st.sampled_from([None, Decimal("1.25")]),
)
openings = st.lists(st.tuples(st.sampled_from("ABC"), st.integers(1, 9), st.integers(-3, 3)), min_size=1, max_size=5)


def model(opened: list[tuple[str, int, int]], done: list[Done], currency: str) -> dict[str, Any] | None:
    """Computes a row with fractions."""
    own = [(account, cash, change) for account, cash, change in opened if CURRENCY[account] == currency]
    if not own:
        return None
    made = [item for item in done if CURRENCY[item.account] == currency and item.account in {row[0] for row in own}]
    net = sum(Fraction(change) for _, _, change in own)
    capital = sum(max(cash for name, cash, _ in own if name == account) for account in {row[0] for row in own})
    value = fees = slippage = Fraction(0)
    profits: dict[str, Fraction] = {}
    for item in made:
        rate = Fraction(item.fx or 1)
        paid = item.arrival if item.mid is None else item.mid
        value += item.quantity * item.price * rate
        fees += max(Fraction(item.fee), Fraction(0)) * rate
        slippage += max(Fraction(paid or 0), Fraction(0)) * item.quantity * rate
        profits[item.symbol] = profits.get(item.symbol, Fraction(0)) + item.pnl
    moved = sum(map(abs, profits.values()))
    return {
        "profit_bps": net / value * 10_000 if value else None,
        "stressed_profit_bps": (net - (COST_MULTIPLE - 1) * (fees + slippage)) / value * 10_000 if value else None,
        "fees_bps": fees / value * 10_000 if value else None,
        "slippage_bps": slippage / value * 10_000 if value else None,
        "capital": capital,
        "symbols": len(profits),
        "symbol_share": max(map(abs, profits.values())) / moved if moved else None,
    }


@given(openings, st.lists(fills, max_size=12))
@settings(ON_SERVER, max_examples=12)
def test_economics_equal_the_model(client: Client, opened: list[tuple[str, int, int]], done: list[Done]) -> None:
    run_id, ts = f"economics-{next(_strategies)}", rows.FIRST_DAY
    found = []
    for number, (account, cash, change) in enumerate(opened):
        at = ts + timedelta(minutes=number)
        named = {"account_id": account, "session_id": f"s-{account}", "currency": CURRENCY[account]}
        found += [
            rows.equity(run_id, cash, at, "SESSION_OPEN", **named),
            rows.equity(run_id, cash + change, at, **named),
        ]
    rows.insert(client, "account_equity", found)
    made = [
        rows.fill(run_id, "BUY", item.quantity, item.price, ts, account_id=item.account, session_id=f"s-{item.account}",
                  symbol=item.symbol, commission=item.fee, slippage_mid=item.mid, slippage_arrival=item.arrival,
                  realised_pnl=Decimal(item.pnl), fx_rate=item.fx)
        for item in done
    ]  # fmt: skip
    rows.insert(client, "fills", made)
    parameters = {"run_id": run_id, "strategy_id": "st", "time_zone": "UTC", "cost_multiple": COST_MULTIPLE}
    answers = {row["currency"]: row for row in plain_rows(client, "gate_economics", parameters)}
    for currency in ("USD", "EUR"):
        expected = model(opened, done, currency)
        if expected is None:
            assert currency not in answers
            continue
        for name, value in expected.items():
            close = None if value is None else pytest.approx(float(value), rel=1e-9, abs=1e-9)
            assert answers[currency][name] == close, (currency, name)
