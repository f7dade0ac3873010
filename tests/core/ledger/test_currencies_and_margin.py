"""Accounts that trade in another currency, leverage and buying power, and borrow fees."""

from __future__ import annotations

from fractions import Fraction

import pytest

from schemas.records.enums import BreakerState, ControlKind, EquityTrigger, Side
from schemas.records.messages import AccountEquity
from schemas.records.numbers import MONEY_SCALE
from streams.core.core_config import CoreConfig
from streams.core.reference.declarations import ConversionConfig
from tests.builders import (
    SECOND,
    START,
    config,
    control,
    fee,
    heartbeat,
    instrument,
    limits,
    money,
    new,
    opening,
    px,
    quote,
)
from tests.core.desk import Desk, last, of, ready

BUY, SELL = Side.BUY, Side.SELL
DAY = 24 * 3600 * SECOND
EUROPE = config(
    instruments=(
        instrument(fee=fee(per_unit="0.01")),
        instrument("EURUSD", tick_size="0.0001"),
        instrument("DAX", currency="EUR", fee=fee(per_unit="0.01")),
    ),
    conversions=(ConversionConfig(base="EUR", quote="USD", symbol="EURUSD"),),
)


def european(core: CoreConfig = EUROPE, currency: str = "EUR") -> Desk:
    desk = Desk(core)
    desk.send(opening(currency=currency, cash="100000"))
    return desk


def test_a_dollar_share_in_a_euro_account() -> None:
    """1 EUR = 1.25 USD: 100 shares at 10.02 USD cost 801.60 EUR, the fee of 1 USD costs 0.80 EUR."""
    desk = european()
    desk.send(quote("1.2499", "1.2501", symbol="EURUSD"), quote(), new("o", BUY, "100"))
    fill = desk.fills[-1]
    assert (fill.currency, fill.account_currency, fill.fx_rate) == ("USD", "EUR", px("0.8"))
    assert (fill.notional, fill.commission) == (money("1002"), money("1"))
    assert fill.cash == money("100000") - money("801.6") - money("0.8")
    desk.send(quote("1.5999", "1.6001", symbol="EURUSD"), quote("12.00", "12.02", bid_sz="100"), new("s", SELL, "100"))
    fill = desk.fills[-1]
    assert fill.fx_rate == px("0.625")
    assert Fraction(fill.realised_pnl, MONEY_SCALE) == Fraction("750") - Fraction("801.6") - Fraction("0.625")
    assert desk.account().ledger.cash == money("100000") - money("801.6") - money("0.8") + money("750") - money("0.625")


def test_a_euro_account_trades_the_pair_that_converts_its_dollars() -> None:
    """The mark of EURUSD moves the position twice: as its price and as its rate."""
    desk = european(EUROPE.model_copy(update={"limits": limits(breakers={"loss": {"kind": "loss", "amount": "900"}})}))
    desk.send(quote("1.2499", "1.2501", symbol="EURUSD"), new("o", BUY, "100", symbol="EURUSD"))
    desk.send(quote("1.5999", "1.6001", symbol="EURUSD"), new("s", SELL, "100", symbol="EURUSD"))
    assert [fill.position_qty for fill in desk.fills] == [px("100"), 0]
    assert desk.account().breakers.by_name["loss"].state is BreakerState.CLOSED


def test_equity_is_valued_at_the_rate_of_the_moment() -> None:
    desk = european()
    desk.send(quote("1.2499", "1.2501", symbol="EURUSD"), quote(), new("o", BUY, "100"))
    desk.send(quote("0.9999", "1.0001", symbol="EURUSD"), quote("10.00", "10.02", at=START + 61 * SECOND))
    newest = of(AccountEquity, desk.outputs)[-1]
    assert (newest.trigger, newest.position_value) == (EquityTrigger.INTERVAL, money("1001"))
    assert newest.equity == newest.cash + newest.position_value


def test_the_other_way_round_the_price_itself_is_the_rate() -> None:
    desk = european(currency="USD")
    desk.send(quote("1.2499", "1.2501", symbol="EURUSD"), quote(symbol="DAX"), new("o", BUY, "1", symbol="DAX"))
    assert desk.fills[-1].fx_rate == px("1.25")


def test_without_a_rate_an_order_waits_outside() -> None:
    desk = european()
    desk.send(quote(), new("o", BUY, "1"))
    assert last(desk).reason_code == "NO_FX_RATE"
    undeclared = european(config(instruments=EUROPE.instruments))
    undeclared.send(quote(), new("o", BUY, "1"))
    assert last(undeclared).reason_code == "CURRENCY_MISMATCH"


def levered(leverage: str, cash: str = "1000") -> Desk:
    desk = Desk(config(limits=limits(leverage=leverage)))
    desk.send(opening(cash=cash), quote("9.99", "10.01", bid_sz="10000", ask_sz="10000"))
    return desk


@pytest.mark.parametrize(
    ("leverage", "quantity", "answer"),
    [("1", "100", None), ("1", "101", "BUYING_POWER"), ("2", "200", None), ("2", "201", "BUYING_POWER")],
)
def test_buying_power_is_equity_times_leverage(leverage: str, quantity: str, answer: str | None) -> None:
    """Cash 1,000, mark 10.00."""
    desk = levered(leverage)
    desk.send(new("o", BUY, quantity, "9.00"))
    assert last(desk).reason_code == answer


@pytest.mark.parametrize("side", [BUY, SELL])
def test_working_orders_use_buying_power_and_cancelled_ones_do_not(side: Side) -> None:
    desk = levered("1")
    price = "9.00" if side is BUY else "11.00"
    desk.send(new("a", side, "60", price), new("b", side, "60", price))
    assert last(desk, "b").reason_code == "BUYING_POWER"
    other = SELL if side is BUY else BUY
    desk.send(new("c", other, "100", "11.00" if side is BUY else "9.00"))
    assert last(desk, "c").ord_status == "NEW", "both sides can't fill into one exposure"


def test_what_reduces_exposure_passes_above_the_limit() -> None:
    desk = levered("4")
    desk.send(new("long", BUY, "300"), control(ControlKind.LIMITS, limits='{"leverage": "1"}'))
    desk.send(new("more", BUY, "1", "9.00"), new("less", SELL, "100", "11.00"))
    assert last(desk, "more").reason_code == "BUYING_POWER"
    assert last(desk, "less").ord_status == "NEW"
    newest = of(AccountEquity, desk.outputs)[-1]
    assert (newest.gross_exposure, newest.buying_power) == (money("3000"), money("988"))


def test_losses_shrink_buying_power() -> None:
    desk = levered("1")
    desk.send(new("long", BUY, "50"), quote("4.99", "5.01", bid_sz="10000", ask_sz="10000"))
    desk.send(new("o", BUY, "101", "4.00"), new("p", BUY, "99", "4.00"))
    assert last(desk, "o").reason_code == "BUYING_POWER"
    assert last(desk, "p").ord_status == "NEW"


def test_borrowed_units_are_paid_for_by_night() -> None:
    """36 % a year on 1,000: 1 a day (actual/360); a weekend of two nights costs 2."""
    core = config(instruments=(instrument(borrow_rate="0.36"),))
    desk = ready(core)
    desk.send(quote("10.00", "10.00"), new("short", SELL, "100"))
    cash = desk.account().ledger.cash
    desk.send(heartbeat(START + DAY))
    desk.restart()
    desk.send(heartbeat(START + DAY + SECOND), quote("10.00", "10.00", at=START + 3 * DAY))
    charged = [item for item in of(AccountEquity, desk.outputs) if item.trigger is EquityTrigger.BORROW_FEE]
    assert [item.borrow_fees for item in charged] == [money("1"), money("3")]
    assert desk.account().ledger.cash == cash - money("3")
    assert desk.account().ledger.positions["ABC"].gross_realised == 0, (
        "fees for borrowing are not part of the trade's PnL"
    )


def test_a_long_position_borrows_nothing() -> None:
    desk = ready(config(instruments=(instrument(borrow_rate="0.36"),)))
    desk.send(new("long", BUY, "100"), heartbeat(START + DAY))
    assert not [item for item in of(AccountEquity, desk.outputs) if item.trigger is EquityTrigger.BORROW_FEE]
