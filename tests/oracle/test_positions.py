"""Positions compared with numbers of other projects' tests.

Sources: nautechsystems/nautilus_trader (fees, short), mementum/backtrader (flip). All follow average cost; realised
PnL here has every commission taken off, as in the first vector.
"""

from __future__ import annotations

from fractions import Fraction

import pytest

from schemas.records.enums import EquityTrigger, Side
from schemas.records.messages import AccountEquity, PositionReport
from schemas.records.numbers import MONEY_SCALE, PRICE_SCALE
from streams.core.ledger.position import Position
from tests.builders import config, fee, instrument, limits, new, px, quote
from tests.core.desk import of, ready

Step = tuple[Side, str, str, str, str | None, str | None]
"""Side, quantity, price, position after; average price and realised PnL after it as printed, if published."""

BUY, SELL = Side.BUY, Side.SELL
FEES: list[Step] = [
    (BUY, "12", "100", "12", None, None),
    (BUY, "17", "99", "29", "99.41379310", "-0.2883"),
    (SELL, "9", "101", "20", None, "13.89666207"),
    (SELL, "4", "105", "16", None, "36.19948966"),
    (BUY, "3", "103", "19", "99.98003630", "36.16858966"),
]
FLIP: list[Step] = [
    (BUY, "10", "10", "10", "10", None),
    (BUY, "5", "12.5", "15", "10.8333", None),
    (SELL, "7", "14.5", "8", "10.8333", None),
    (SELL, "15", "17.5", "-7", "17.5", None),
]


def as_printed(value: Fraction, printed: str) -> bool:
    """Returns whether a number rounds to the printed digits."""
    return abs(value - Fraction(printed)) <= Fraction(1, 2 * 10 ** len(printed.partition(".")[2]))


def check(step: Step, quantity: int, average: int | None, realised: int) -> None:
    _, _, _, position, average_printed, realised_printed = step
    assert quantity == px(position)
    if average_printed is not None:
        assert average is not None
        assert as_printed(Fraction(average, PRICE_SCALE), average_printed)
    if realised_printed is not None:
        assert as_printed(Fraction(realised, MONEY_SCALE), realised_printed)


@pytest.mark.parametrize(("steps", "rate"), [(FEES, "0.0001"), (FLIP, "0")], ids=["fees", "flip"])
def test_vectors_in_position_arithmetic(steps: list[Step], rate: str) -> None:
    position = Position()
    for step in steps:
        side, quantity, price, *_ = step
        commission = px(quantity) * px(price) * px(rate) // PRICE_SCALE
        position.book_fill(px(quantity) if side is BUY else -px(quantity), px(price), commission)
        check(step, position.quantity, position.average_price, position.realised_pnl)


@pytest.mark.parametrize(("steps", "rate"), [(FEES, "0.0001"), (FLIP, "0")], ids=["fees", "flip"])
def test_vectors_through_both_shards(steps: list[Step], rate: str) -> None:
    desk = ready(config(instruments=(instrument(fee=fee(taker=rate)),)))
    for number, step in enumerate(steps):
        side, quantity, price, *_ = step
        desk.send(quote(price, price), new(f"o{number}", side, quantity))
        record = of(PositionReport, desk.outputs)[-1]
        check(step, record.quantity, record.avg_px, record.realised_pnl)


def test_a_flip_closes_and_opens() -> None:
    """Position 8, sold 15: 8 are closed and realise against the old average, 7 are opened and realise nothing."""
    position = Position()
    for side, quantity, price, *_ in FLIP[:-1]:
        position.book_fill(px(quantity) if side is BUY else -px(quantity), px(price), 0)
    average = Fraction(10 * 10 + Fraction("12.5") * 5, 15)
    realised = position.book_fill(-px("15"), px("17.5"), 0)
    assert as_printed(Fraction(realised, MONEY_SCALE), f"{float(8 * (Fraction('17.5') - average)):.9f}")
    assert position.cost == -px("7") * px("17.5")


def test_unrealised_of_a_short() -> None:
    """Short 10.15 @ 10500, mark 10390: 1116.50."""
    bitcoin = instrument(lot_size="0.01", min_quantity="0.01")
    desk = ready(config(instruments=(bitcoin,), limits=limits(max_order_notional="200000"), equity_interval_ms=1))
    desk.send(quote("10500", "10501"), new("o", SELL, "10.15"))
    desk.send(quote("10389", "10391", at=quote().ts + 10_000_000))
    told = [item for item in of(AccountEquity, desk.outputs) if item.trigger is EquityTrigger.INTERVAL][-1]
    assert Fraction(told.unrealised_pnl, MONEY_SCALE) == Fraction("1116.50")
