"""Liquidation: liquidation prices by the venue's formula, and what follows when equity falls below the margin."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from schemas.records.enums import OrdStatus, RiskEventKind, Side
from schemas.records.messages import ApprovedOrder, RiskEvent
from schemas.records.numbers import MONEY_SCALE, NANOS_PER_DAY
from schemas.records.output import Output
from streams.core.core_config import CoreConfig
from streams.core.reference.declarations import ConversionConfig
from streams.core.reference.margin_tables import MaintenanceMargin, MarginTable
from tests.builders import (
    PROPERTY,
    SECOND,
    START,
    config,
    funding,
    heartbeat,
    instrument,
    limits,
    money,
    new,
    opening,
    px,
    quote,
)
from tests.core.desk import Desk, of

BUY, SELL = Side.BUY, Side.SELL
BRACKETS: list[dict[str, Any]] = [
    {"floor": "0", "rate": "0.004"},
    {"floor": "50000", "rate": "0.005", "amount": "50"},
    {"floor": "600000", "rate": "0.0065", "amount": "950"},
]
"""Binance, "Leverage and Margin": BTCUSDT, the first three brackets."""
TABLE = MarginTable.model_validate({"brackets": BRACKETS})
WIDE = limits(max_order_quantity=False, max_order_notional=False, max_position=False, leverage="100")


def perpetual(**changes: Any) -> Any:
    fields: dict[str, Any] = {"tick_size": "0.1", "lot_size": "0.001", "min_quantity": "0.001", "max_quantity": "1000"}
    return instrument(**fields | {"margin_table": {"brackets": BRACKETS}} | changes)


def holding(side: Side = BUY, quantity: str = "10", core: CoreConfig | None = None, cash: str = "10000") -> Desk:
    desk = Desk(core or config(instruments=(perpetual(), instrument("XYZ")), limits=WIDE))
    desk.send(opening(cash=cash), at("10000", 0), new("in", side, quantity))
    assert desk.account().ledger.position_quantity("ABC")
    return desk


def at(price: str, seconds: int, size: str = "1000", symbol: str = "ABC") -> Any:
    return quote(price, price, size, size, at=START + seconds * SECOND, symbol=symbol)


def liquidations(outputs: list[Output]) -> list[RiskEvent]:
    return [item for item in of(RiskEvent, outputs) if item.kind is RiskEventKind.LIQUIDATION]


@pytest.mark.parametrize(
    ("value", "margin"),
    [("49999", "199.996"), ("50000", "200"), ("90402", "402.01"), ("600000", "2950"), ("1000000", "5550")],
)
def test_the_margin_is_value_times_rate_less_the_amount(value: str, margin: str) -> None:
    """Binance, "How to Calculate Liquidation Price of USD-M Futures Contracts": value * rate - maintenance amount."""
    assert MaintenanceMargin(TABLE).of_value(money(value)) == money(margin)


@pytest.mark.parametrize(
    ("side", "last_safe", "first_below", "equity", "margin"),
    [(BUY, "9040.3", "9040.2", "402", "402.01"), (SELL, "10950.2", "10950.3", "497", "497.515")],
)
def test_the_liquidation_price_is_that_of_the_venues_formula(
    side: Side, last_safe: str, first_below: str, equity: str, margin: str
) -> None:
    """(wallet + amount - side * quantity * entry) / (quantity * rate - side * quantity), Binance.

    Long: (10000 + 50 - 100000) / (0.05 - 10) = 9040.201; short: (10000 + 50 + 100000) / (0.05 + 10) = 10950.2488.
    """
    desk = holding(side)
    assert liquidations(desk.send(at(last_safe, 1))) == []
    outputs = desk.send(at(first_below, 2))
    (event,) = liquidations(outputs)
    assert (event.code, event.observed_value, event.limit_value) == ("LIQUIDATION", equity, margin)
    assert event.cause == f"ABC@{START + 2 * SECOND}"
    (order,) = of(ApprovedOrder, outputs)
    assert (order.order_id, order.quantity, order.reduce_only) == (f"flatten-{event.event_id}-ABC", px("10"), True)
    assert (desk.fills[-1].quantity, desk.account().ledger.position_quantity("ABC")) == (px("10"), 0)


def test_a_fall_liquidates_once_and_cancels_what_works() -> None:
    """The market shows 4 of 10 at a time, so that closing takes several quotes."""
    desk = holding()
    desk.send(at("9.00", 1, symbol="XYZ"))
    desk.send(new("resting", BUY, "1", "5000"), new("other", BUY, "1", "5.00", symbol="XYZ"))
    outputs = []
    for second, price in enumerate(("9040.2", "9000", "8900", "8800"), 2):
        outputs += desk.send(at(price, second, size="4"))
    outputs += desk.send(at("9.00", 6, symbol="XYZ"))
    (event,) = liquidations(outputs)
    assert desk.account().ledger.position_quantity("ABC") == 0
    assert desk.account().ledger.working == {}
    ended = {item.order_id: item.ord_status for item in desk.results if item.order_id in ("resting", "other")}
    assert ended == dict.fromkeys(("resting", "other"), OrdStatus.CANCELED)
    assert {item.cause for item in of(RiskEvent, outputs)} == {event.cause}


def test_it_survives_a_restart_in_the_middle() -> None:
    desk, whole = holding(), holding()
    for second, price in enumerate(("9040.2", "9000", "8900", "8800"), 2):
        desk.restart()
        assert desk.send(at(price, second, size="4")) == whole.send(at(price, second, size="4"))
    assert len(liquidations(whole.outputs)) == 1
    assert desk.state() == whole.state()


def test_accounts_are_liquidated_in_the_same_order_after_a_restart() -> None:
    """B holds first, and is the second account by name."""
    desk, whole = (Desk(config(instruments=(perpetual(),), limits=WIDE)) for _ in range(2))
    for each in (desk, whole):
        each.send(opening("A", cash="10000"), opening("B", cash="10000"), at("10000", 0))
        each.send(new("b", BUY, "10", account="B"), new("a", BUY, "10", account="A"))
    desk.restart()
    outputs = desk.send(at("9040.2", 1))
    assert [item.account_id for item in liquidations(outputs)] == ["A", "B"]
    assert outputs == whole.send(at("9040.2", 1))


def test_borrow_fees_liquidate_at_a_heartbeat() -> None:
    """A short of 10 at 10950 has 500 of equity and needs 497.5; a night at 36.5 % a year of 360 days costs 111.02."""
    core = config(instruments=(perpetual(borrow_rate="0.365"),), limits=WIDE)
    desk = holding(SELL, core=core)
    desk.send(at("10950", 1))
    (event,) = liquidations(desk.send(heartbeat(START + NANOS_PER_DAY)))
    assert event.observed_value == "388.979166666666666667"


def test_a_rest_that_cannot_be_closed_is_told_once_and_stays() -> None:
    """The market shows 0.001 at each quote: after 20 closing orders the account's people are asked."""
    desk = holding()
    outputs = []
    for second in range(2, 40):
        outputs += desk.send(at("9000", second, size="0.001"))
        if second == 35:
            desk.restart()
    assert [item.code for item in of(RiskEvent, outputs)] == ["LIQUIDATION", "FLATTEN_INCOMPLETE"]
    recovered = desk.send(at("9500", 40), at("9000", 41))
    assert len(liquidations(recovered)) == 1, "it had come up to its margin in between"
    assert desk.account().ledger.position_quantity("ABC") == 0


def test_a_funding_liquidates_by_itself() -> None:
    """At 9041 equity is 410 and the margin 402.05; 0.01 % of 90410 are 9.041, and leave 400.959."""
    desk = holding()
    desk.send(at("9041", 1))
    outputs = desk.send(funding("0.0001", "9041", at=START + 2 * SECOND))
    (event,) = liquidations(outputs)
    assert (event.observed_value, event.limit_value) == ("400.959", "402.05")


def test_other_positions_count_as_equity_and_stay() -> None:
    """100 XYZ at 10 keep 1000 of equity, which they lose when their price falls."""
    desk = Desk(config(instruments=(perpetual(), instrument("XYZ")), limits=WIDE))
    desk.send(opening(cash="10000"), at("10000", 0), at("10.00", 0, symbol="XYZ"))
    desk.send(new("in", BUY, "10"), new("x", BUY, "100", symbol="XYZ"))
    assert liquidations(desk.send(at("9040.3", 1))) == []
    assert len(liquidations(desk.send(at("9.98", 2, symbol="XYZ")))) == 1
    desk.send(at("9040.3", 3))
    assert desk.account().ledger.position_quantity("ABC") == 0
    assert desk.account().ledger.position_quantity("XYZ") == px("100")


def test_the_margin_is_converted_into_the_accounts_currency() -> None:
    """1 EUR = 1.25 USD: 8000 EUR are 10000 USD, so the price is the same."""
    pair = ConversionConfig(base="EUR", quote="USD", symbol="EURUSD")
    core = config(instruments=(perpetual(), instrument("EURUSD")), conversions=(pair,), limits=WIDE)
    desk = Desk(core)
    desk.send(opening(cash="8000", currency="EUR"), quote("1.2499", "1.2501", symbol="EURUSD"))
    desk.send(at("10000", 0), new("in", BUY, "10"))
    assert liquidations(desk.send(at("9040.3", 1))) == []
    (event,) = liquidations(desk.send(at("9040.2", 2)))
    assert (event.observed_value, event.limit_value) == ("321.6", "321.608")


def test_contracts_are_margined_by_their_value() -> None:
    core = config(instruments=(perpetual(contract_multiplier="0.01", lot_size="1", min_quantity="1"),), limits=WIDE)
    desk = holding(quantity="1000", core=core)
    assert liquidations(desk.send(at("9040.3", 1))) == []
    assert len(liquidations(desk.send(at("9040.2", 2)))) == 1


def test_an_instrument_without_a_table_liquidates_nobody() -> None:
    desk = holding(core=config(instruments=(perpetual(margin_table=None),), limits=WIDE))
    assert liquidations(desk.send(at("8000", 1))) == []
    assert desk.account().ledger.position_quantity("ABC") == px("10")


@pytest.mark.parametrize(
    ("brackets", "message"),
    [
        ([], "at least 1 item"),
        ([{"floor": "1", "rate": "0.004"}], "the first bracket needs floor 0"),
        ([BRACKETS[0], {"floor": "50000", "rate": "0.005", "amount": "49"}], "by the rates before it, it is 50"),
        ([BRACKETS[0], BRACKETS[0]], "must rise from bracket to bracket"),
        ([{"floor": "0", "rate": "1.1"}], "less than or equal to 1"),
    ],
    ids=["no bracket", "no first", "another amount", "the same twice", "more than the value"],
)
def test_a_table_that_no_venue_has_is_refused(brackets: list[dict[str, Any]], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        perpetual(margin_table={"brackets": brackets})


def needed(value: Fraction) -> Fraction:
    """Returns the margin by the definition of the amounts: each part of the value at the rate of its bracket."""
    floors = [Decimal(item["floor"]) for item in BRACKETS]
    parts = zip(floors, [*floors[1:], Decimal("Infinity")], BRACKETS, strict=True)
    return sum(
        ((min(value, Fraction(end)) if end.is_finite() else value) - Fraction(start)) * Fraction(item["rate"])
        for start, end, item in parts
        if value > Fraction(start)
    ) or Fraction(0)


@given(st.integers(0, 10**7), st.integers(0, MONEY_SCALE - 1))
@PROPERTY
def test_the_margin_is_the_sum_over_the_brackets(units: int, rest: int) -> None:
    value = units * MONEY_SCALE + rest
    exact = needed(Fraction(value, MONEY_SCALE)) * MONEY_SCALE
    assert abs(MaintenanceMargin(TABLE).of_value(value) - exact) <= Fraction(1, 2)


@given(st.lists(st.integers(80_000, 120_000), min_size=1, max_size=8), st.sampled_from((BUY, SELL)))
@PROPERTY
def test_it_comes_at_the_first_mark_below_the_margin_and_at_no_other(ticks: list[int], side: Side) -> None:
    desk, sign = holding(side), 1 if side is BUY else -1
    for second, tick in enumerate(ticks, 1):
        price = Fraction(tick, 10)
        outputs = desk.send(at(f"{tick / 10:.1f}", second))
        equity = 10_000 + sign * 10 * (price - 10_000)
        assert len(liquidations(outputs)) == int(equity < needed(10 * price))
        if equity < needed(10 * price):
            assert desk.account().ledger.position_quantity("ABC") == 0
            assert Fraction(desk.account().ledger.cash, MONEY_SCALE) == equity
            break
