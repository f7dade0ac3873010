"""Each control of positions and working orders at, below and above its limit."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.records.enums import ControlKind, Side, TradingState
from schemas.records.messages import RiskEvent
from streams.core.reference.declarations import ConversionConfig
from tests.builders import (
    cancel,
    config,
    control,
    instrument,
    limits,
    new,
    opening,
    px,
    quote,
    replace,
    state_of_trading,
)
from tests.core.desk import Answer, Desk, answer, of, ready

BUY, SELL = Side.BUY, Side.SELL
CASH = "10000"


def holding(side: Side | None = BUY, quantity: str = "100", symbol: str = "ABC", **changes: Any) -> Desk:
    """An account of 10,000 with a position at the mark of 10.00; its limits are set afterwards."""
    core = config(instruments=(instrument("ABC", margin_rate="0.25"), instrument("XYZ", margin_rate="0.5")))
    desk = Desk(core)
    desk.send(opening(cash=CASH))
    for name in ("ABC", "XYZ"):
        desk.send(quote("10.00", "10.00", "5000", "5000", symbol=name))
    if side is not None:
        desk.send(new("held", side, quantity, symbol=symbol))
        assert abs(desk.account().ledger.position_quantity(symbol)) == px(quantity)
    desk.accounts.accounts["A"].limits = limits(**({"leverage": "100"} | changes))
    return desk


@pytest.mark.parametrize(
    ("working", "quantity", "expected"),
    [
        (None, "99", None),
        (None, "100", None),
        (None, "101", ("LONG_ONLY", "0", "-1")),
        ("40", "60", None),
        ("40", "61", ("LONG_ONLY", "0", "-1")),
    ],
)
def test_long_only_counts_working_sells(working: str | None, quantity: str, expected: Answer | None) -> None:
    desk = holding(long_only=True)
    if working is not None:
        assert answer(desk, new("w", SELL, working, "11.00")) is None
    assert answer(desk, new("o", SELL, quantity, "11.00")) == expected


def test_long_only_of_an_account_that_is_short_lets_it_close_and_change_prices() -> None:
    desk = holding(SELL)
    desk.send(new("w", SELL, "10", "11.00"), control(ControlKind.LIMITS, limits='{"long_only": true}'))
    assert answer(desk, new("o", SELL, "1", "11.00")) == ("LONG_ONLY", "0", "-111")
    assert answer(desk, replace("r1", "w", price="12.00")) is None
    assert answer(desk, replace("r2", "w", "11")) == ("LONG_ONLY", "0", "-111")
    assert answer(desk, new("b", BUY, "100", "9.00")) is None


@pytest.mark.parametrize(
    ("side", "quantity", "expected"),
    [
        (BUY, "50", None),
        (BUY, "51", ("MAX_LONG_POSITION", "150", "151")),
        (SELL, "130", None),
        (SELL, "131", ("MAX_SHORT_POSITION", "30", "-31")),
    ],
)
def test_long_and_short_positions_have_limits_of_their_own(side: Side, quantity: str, expected: Answer | None) -> None:
    desk = holding(max_long_position="150", max_short_position="30", max_position="1000")
    assert answer(desk, new("o", side, quantity, "9.00" if side is BUY else "11.00")) == expected


def test_no_short_position_at_all() -> None:
    desk = holding(max_short_position="0")
    assert answer(desk, new("o1", SELL, "101", "11.00")) == ("MAX_SHORT_POSITION", "0", "-1")
    assert answer(desk, new("o2", SELL, "100", "11.00")) is None


def test_open_orders_of_account_and_symbol() -> None:
    desk = holding(None, max_open_orders=3, max_open_orders_per_symbol=2)
    assert answer(desk, new("a1", BUY, "1", "9.00")) is None
    assert answer(desk, new("a2", SELL, "1", "11.00")) is None
    assert answer(desk, new("a3", BUY, "1", "9.00")) == ("MAX_OPEN_ORDERS_PER_SYMBOL", "2", "3")
    assert answer(desk, replace("r", "a1", "2")) is None, "a replace opens no order"
    assert answer(desk, new("x1", BUY, "1", "9.00", symbol="XYZ")) is None
    assert answer(desk, new("x2", BUY, "1", "9.00", symbol="XYZ")) == ("MAX_OPEN_ORDERS", "3", "4")
    assert answer(desk, cancel("c", "a1")) is None
    assert answer(desk, new("x3", BUY, "1", "9.00", symbol="XYZ")) is None


EXPOSURES = [
    pytest.param({"max_gross_exposure": "2000"}, BUY, "100", None, id="gross, at"),
    pytest.param({"max_gross_exposure": "2000"}, BUY, "101", ("MAX_GROSS_EXPOSURE", "2000", "2010"), id="gross, above"),
    pytest.param({"max_gross_exposure": "2000"}, SELL, "300", None, id="gross, turned"),
    pytest.param(
        {"max_gross_exposure": "2000"}, SELL, "301", ("MAX_GROSS_EXPOSURE", "2000", "2010"), id="gross, short"
    ),
    pytest.param({"max_net_exposure": "2000"}, BUY, "100", None, id="net, at"),
    pytest.param({"max_net_exposure": "2000"}, BUY, "101", ("MAX_NET_EXPOSURE", "2000", "2010"), id="net, above"),
    pytest.param({"max_net_exposure": "2000"}, SELL, "301", ("MAX_NET_EXPOSURE", "2000", "2010"), id="net, short"),
    pytest.param({"max_concentration": "0.2"}, BUY, "100", None, id="concentration, at"),
    pytest.param({"max_concentration": "0.2"}, BUY, "101", ("MAX_CONCENTRATION", "0.2", "0.201"), id="concentration"),
    pytest.param({"max_leverage": "0.2"}, BUY, "100", None, id="leverage, at"),
    pytest.param({"max_leverage": "0.2"}, BUY, "101", ("MAX_LEVERAGE", "0.2", "0.201"), id="leverage, above"),
    pytest.param({"max_margin": "0.05"}, BUY, "100", None, id="margin, at"),
    pytest.param({"max_margin": "0.05"}, BUY, "101", ("MAX_MARGIN", "0.05", "0.05025"), id="margin, above"),
    pytest.param({"leverage": "0.2"}, BUY, "100", None, id="buying power, at"),
    pytest.param({"leverage": "0.2"}, BUY, "101", ("BUYING_POWER", "1000", "1010"), id="buying power, above"),
]


@pytest.mark.parametrize(("limit", "side", "quantity", "expected"), EXPOSURES)
def test_exposures_with_the_order_filled(
    limit: dict[str, Any], side: Side, quantity: str, expected: Answer | None
) -> None:
    """100 ABC at 10.00 are an exposure of 1,000 on an equity of 10,000."""
    assert answer(holding(**limit), new("o", side, quantity, "9.00" if side is BUY else "11.00")) == expected


@pytest.mark.parametrize(("limit", "side", "quantity", "expected"), EXPOSURES)
def test_exposures_with_half_of_the_order_working_already(
    limit: dict[str, Any], side: Side, quantity: str, expected: Answer | None
) -> None:
    desk = holding(**limit)
    price = "9.00" if side is BUY else "11.00"
    if expected is None or expected[0] != "BUYING_POWER":
        assert answer(desk, new("w", side, "50", price)) is None
        found = answer(desk, new("o", side, str(int(quantity) - 50), price))
        assert found == expected


def test_gross_adds_what_net_sets_against_each_other() -> None:
    desk = holding(max_net_exposure="1000")
    assert answer(desk, new("s", SELL, "200", "11.00", symbol="XYZ")) is None
    assert answer(desk, new("b", BUY, "1", "9.00")) == ("MAX_NET_EXPOSURE", "1000", "1010"), "sells may not fill"
    desk = holding(max_gross_exposure="2999")
    assert answer(desk, new("s", SELL, "200", "11.00", symbol="XYZ")) == ("MAX_GROSS_EXPOSURE", "2999", "3000")


def test_concentration_is_of_each_instrument() -> None:
    desk = holding(max_concentration="0.1")
    assert answer(desk, new("x", BUY, "100", "9.00", symbol="XYZ")) is None
    assert answer(desk, new("o", BUY, "1", "9.00")) == ("MAX_CONCENTRATION", "0.1", "0.101")


def test_margin_is_by_the_instruments_rates() -> None:
    """100 ABC at 25 % use 250; 100 XYZ at 50 % would use 500."""
    desk = holding(max_margin="0.075")
    assert answer(desk, new("x1", BUY, "101", "9.00", symbol="XYZ")) == ("MAX_MARGIN", "0.075", "0.0755")
    assert answer(desk, new("x2", BUY, "100", "9.00", symbol="XYZ")) is None


ABOVE = [
    {"max_position": "50"},
    {"max_long_position": "50"},
    {"max_gross_exposure": "500"},
    {"max_net_exposure": "500"},
    {"max_concentration": "0.05"},
    {"max_leverage": "0.05"},
    {"max_margin": "0.01"},
    {"leverage": "0.05"},
]


@pytest.mark.parametrize("limit", ABOVE, ids=[next(iter(item)) for item in ABOVE])
def test_an_account_above_its_limit_may_do_what_raises_nothing(limit: dict[str, Any]) -> None:
    desk = holding()
    desk.send(new("w", BUY, "10", "9.00"))
    desk.accounts.accounts["A"].limits = limits(**({"leverage": "100"} | limit))
    assert answer(desk, new("more", BUY, "1", "9.00")) is not None
    assert answer(desk, replace("more-too", "w", "11")) is not None
    assert answer(desk, replace("price", "w", price="8.00")) is None
    assert answer(desk, replace("less", "w", "5")) is None
    assert answer(desk, new("close", SELL, "100", "11.00")) is None


def test_an_account_without_equity_may_only_reduce() -> None:
    desk = holding(quantity="1000", max_leverage="1000", leverage="1000")
    desk.send(quote("0.01", "0.01", "5000", "5000"))
    assert answer(desk, new("o1", BUY, "1", "0.01")) is None, "9,990 were lost of 10,000"
    desk.account().ledger.cash -= px("10") * px(1)
    assert answer(desk, new("o2", BUY, "1", "0.01")) == ("BUYING_POWER", "0", "0.01")
    assert answer(desk, new("o3", SELL, "100", "0.01")) is None


def test_exposures_are_in_the_accounts_currency() -> None:
    """100 EUR of 10.00 at 1.10 are 1,100 USD; the rate moves them."""
    conversion = ConversionConfig(base="EUR", quote="USD", symbol="EURUSD")
    core = config(
        instruments=(instrument("DAX", currency="EUR"), instrument("EURUSD", tick_size="0.0001")),
        conversions=(conversion,),
        limits=limits(max_gross_exposure="1100"),
    )
    desk = Desk(core)
    desk.send(opening(), quote("1.1000", "1.1000", symbol="EURUSD"), quote("10.00", "10.00", symbol="DAX"))
    assert answer(desk, new("o1", BUY, "100", "9.00", symbol="DAX")) is None
    assert answer(desk, new("o2", BUY, "1", "9.00", symbol="DAX")) == ("MAX_GROSS_EXPOSURE", "1100", "1111")
    desk.send(quote("1.0500", "1.0500", symbol="EURUSD"))
    assert answer(desk, new("o3", BUY, "4", "9.00", symbol="DAX")) is None
    assert answer(desk, new("o4", BUY, "1", "9.00", symbol="DAX")) == ("MAX_GROSS_EXPOSURE", "1100", "1102.5")


def test_an_instrument_without_a_mark_counts_at_its_orders_prices() -> None:
    desk = ready(config(limits=limits(max_gross_exposure="1000")), market=False)
    assert answer(desk, new("o1", BUY, "50", "10.00")) is None
    assert answer(desk, new("o2", BUY, "50", "10.01")) == ("MAX_GROSS_EXPOSURE", "1000", "1001")
    assert answer(desk, new("x", BUY, "50", "10.00", symbol="XYZ")) is None
    assert answer(desk, new("y", BUY, "1", "10.00", symbol="XYZ")) == ("MAX_GROSS_EXPOSURE", "1000", "1010")


def test_reducing_goes_before_every_limit() -> None:
    desk = holding(max_position="50", max_gross_exposure="1")
    desk.send(state_of_trading(TradingState.REDUCING))
    assert answer(desk, new("o1", BUY, "1", "9.00")) == ("REDUCE_ONLY", None, None)
    assert answer(desk, new("o2", SELL, "100", "11.00")) is None


def test_of_several_exposures_the_first_in_the_order_answers() -> None:
    asked = ["max_position", "leverage", "max_gross_exposure", "max_net_exposure", "max_concentration", "max_leverage"]
    too_small: dict[str, Any] = {
        "max_position": "1",
        "leverage": "0.001",
        "max_gross_exposure": "1",
        "max_net_exposure": "1",
    }
    too_small |= {"max_concentration": "0.001", "max_leverage": "0.001", "max_margin": "0.001"}
    desk, said = holding(**too_small), []
    for name in [*asked, "max_margin"]:
        found = answer(desk, new(f"o-{name}", BUY, "1", "9.00"))
        assert found is not None
        said.append(found[0].lower())
        change = '{"leverage": "100"}' if name == "leverage" else f'{{"{name}": null}}'
        (event,) = of(RiskEvent, desk.send(control(ControlKind.LIMITS, limits=change)))
        assert event.control_id == "c1"
    assert said == [name if name != "leverage" else "buying_power" for name in [*asked, "max_margin"]]
    assert answer(desk, new("free", BUY, "1", "9.00")) is None
