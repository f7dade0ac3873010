"""Tests of orders in markets that are crossed, locked, one-sided, stale, halted or closed."""

from __future__ import annotations

import pytest

from schemas.records.enums import Liquidity, Side, TimeInForce
from tests.builders import SECOND, START, config, heartbeat, new, px, quote, quotes, top_of_book, trade, trading
from tests.core.desk import fills_of, last, ready, trail

BUY, SELL = Side.BUY, Side.SELL
HOUR = 3600 * SECOND
REMOVED, ADDED = Liquidity.REMOVED, Liquidity.ADDED


def test_a_crossed_market_is_not_believed() -> None:
    desk = ready()
    desk.send(new("rests", BUY, "10", "9.99"), quote("10.05", "9.98"), new("o", BUY, "10"))
    assert not desk.fills
    desk.send(quote("9.98", "10.00"))
    assert fills_of(desk, "o") == [(px("10"), px("10.00"), REMOVED)]


def test_a_locked_market_trades() -> None:
    desk = ready()
    desk.send(quote("10.01", "10.01"), new("o", BUY, "10"))
    assert fills_of(desk) == [(px("10"), px("10.01"), REMOVED)]


@pytest.mark.parametrize(("side", "sizes"), [(BUY, ("100", "0")), (SELL, ("0", "100"))])
def test_an_order_waits_for_the_side_that_is_absent(side: Side, sizes: tuple[str, str]) -> None:
    desk = ready()
    desk.send(quote("10.00", "10.02", *sizes), new("o", side, "10"))
    assert trail(desk.results, "o") == ["NEW/NEW", "RESTATED/NEW"]
    assert last(desk).reason_code == "WAITS_FOR_LIQUIDITY"
    desk.send(quote())
    assert last(desk).ord_status == "FILLED"


def test_nothing_is_taken_from_a_stale_quote() -> None:
    desk = ready()
    desk.send(heartbeat(START + 61 * SECOND), new("o", BUY, "10", ts=START + 61 * SECOND))
    assert trail(desk.results, "o") == ["NEW/NEW"]
    desk.send(quote("10.50", "10.52", at=START + 62 * SECOND))
    assert fills_of(desk) == [(px("10"), px("10.52"), REMOVED)]


def test_a_quote_of_the_age_limit_is_not_stale() -> None:
    desk = ready()
    desk.send(heartbeat(START + 60 * SECOND), new("o", BUY, "10", ts=START + 60 * SECOND))
    assert last(desk).ord_status == "FILLED"


@pytest.mark.parametrize("tif", [TimeInForce.IOC, TimeInForce.FOK])
def test_an_immediate_order_does_not_wait_for_the_market(tif: TimeInForce) -> None:
    desk = ready()
    desk.send(heartbeat(START + HOUR), new("o", BUY, "10", tif=tif, ts=START + HOUR))
    assert (last(desk).ord_status, last(desk).reason_code) == ("CANCELED", "MARKET_NOT_OPEN")


def test_a_session_gap_does_not_fill_at_yesterdays_price() -> None:
    """Sends the order between Friday's last quote and Monday's first."""
    desk = ready()
    night, monday = START + 20 * HOUR, START + 60 * HOUR
    desk.send(new("market", BUY, "10", ts=night), new("limit", BUY, "10", "11.00", ts=night))
    desk.send(quotes((monday, "10.90", "100", "10.92", "100")))
    assert fills_of(desk, "market") == [(px("10"), px("10.92"), REMOVED)]
    assert fills_of(desk, "limit") == [(px("10"), px("10.92"), REMOVED)], "it takes the opening, not its own limit"


def test_while_trading_is_halted_nothing_fills_and_orders_can_be_sent() -> None:
    desk = ready()
    desk.send(new("rests", BUY, "10", "10.00"), trading("H"), new("o", BUY, "10"))
    desk.send(quote("9.98", "10.00"), trade("9.99", "500", aggressor="S"))
    desk.restart()
    assert not desk.fills
    desk.send(trading("R"))
    assert fills_of(desk, "rests") == [(px("10"), px("10.00"), ADDED)]
    assert fills_of(desk, "o") == [(px("10"), px("10.00"), REMOVED)]


def test_size_told_again_is_not_there_again() -> None:
    desk = ready()
    desk.send(new("a", BUY, "80"), quote("9.99", "10.02"), new("b", BUY, "80"))
    assert fills_of(desk, "b") == [(px("20"), px("10.02"), REMOVED)]
    desk.send(quote("9.99", "10.02", ask_sz="90"))
    assert fills_of(desk, "b")[1:] == [(px("60"), px("10.02"), REMOVED)]


def test_a_print_without_aggressor_outside_of_the_quote_fills_nobody() -> None:
    desk = ready()
    desk.send(new("o", BUY, "10", "10.00"), trade("9.00", "1000"))
    assert not desk.fills
    desk.send(trade("10.00", "4"))
    assert fills_of(desk) == [(px("4"), px("10.00"), ADDED)]


@pytest.mark.parametrize(
    ("age", "aggressor", "today", "filled"),
    [(60, "-", True, 10), (61, "S", True, 10), (61, "-", True, 0), (61, "-", False, 10)],
)
def test_a_print_fills_a_resting_order_at_a_stale_quote_only_if_it_names_its_aggressor(
    age: int, aggressor: str, today: bool, filled: int
) -> None:
    """Tries also the rule of journals from before it."""
    desk = ready(config(stale_quotes_judge_no_prints=today))
    desk.send(new("o", BUY, "10", "10.00"), trade("10.00", "50", at=START + age * SECOND, aggressor=aggressor))
    assert sum(quantity for quantity, _, _ in fills_of(desk)) == px(filled)


def test_a_buyers_trade_does_not_meet_a_bid() -> None:
    desk = ready()
    desk.send(new("o", BUY, "10", "10.00"), trade("9.99", "1000", aggressor="B"))
    assert not desk.fills


def test_a_trade_is_shared_by_the_orders_that_it_meets() -> None:
    desk = ready()
    desk.send(new("a", BUY, "10", "9.99"), new("b", BUY, "10", "10.00"), trade("9.99", "15", aggressor="S"))
    assert fills_of(desk, "b") == [(px("10"), px("10.00"), ADDED)], "the better price comes first"
    assert fills_of(desk, "a") == [(px("5"), px("9.99"), ADDED)]


@pytest.mark.parametrize(
    ("fill", "at_the_price", "through", "quoted_at"),
    [("touch", 10, 10, 10), ("trade-through", 0, 10, 0), ("queue", 0, 10, 10)],
)
def test_fill_models(fill: str, at_the_price: int, through: int, quoted_at: int) -> None:
    """Tries a bid of 10 at 10.00 behind 100 against a small trade there, a trade beyond, and an offer at its price."""
    found = []
    for update in (
        trade("10.00", "50", aggressor="S"),
        trade("9.99", "50", aggressor="S"),
        quote("9.99", "10.00"),
    ):
        desk = ready(config(simulators=(top_of_book(fill={"model": fill}),)))
        desk.send(new("o", BUY, "10", "10.00"), update)
        found.append(sum(quantity for quantity, _, _ in fills_of(desk)) // px(1))
    assert found == [at_the_price, through, quoted_at]


@pytest.mark.parametrize(
    ("model", "filled"), [({"model": "risk-averse"}, 0), ({"model": "power", "n": 1}, 15), ({"model": "log"}, 11)]
)
def test_queue_models_differ_in_who_left(model: dict[str, object], filled: int) -> None:
    """A bid has 60 ahead and 40 behind it; 50 leave without a trade, then 45 are sold.

    Of the 50 that leave, none, 60 % or 52.5 % (ln 61 / (ln 61 + ln 41)) were ahead of the bid.
    """
    desk = ready(config(simulators=(top_of_book(fill={"model": "queue"}, queue=model),)))
    desk.send(quote(bid_sz="60"), new("o", BUY, "30", "10.00"), quote(bid_sz="100"), quote(bid_sz="50"))
    desk.send(trade("10.00", "45", aggressor="S"))
    assert sum(quantity for quantity, _, _ in fills_of(desk)) // px(1) == filled
