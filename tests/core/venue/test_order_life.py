"""Tests of an order's life in FIX terms: each status transition, by time in force and displayed size."""

from __future__ import annotations

import pytest

from schemas.records.enums import Liquidity, Side, TimeInForce
from schemas.records.messages import ApprovedOrder, ExecutionReport
from schemas.records.output import RecordRefused
from tests.builders import (
    MS,
    SECOND,
    START,
    cancel,
    config,
    fee,
    heartbeat,
    instrument,
    mock_config,
    new,
    px,
    quote,
    top_of_book,
)
from tests.core.desk import fills_of, last, of, ready, trail

BUY, SELL = Side.BUY, Side.SELL
IOC, FOK, DAY, GTC = TimeInForce.IOC, TimeInForce.FOK, TimeInForce.DAY, TimeInForce.GTC


@pytest.mark.parametrize("tif", [GTC, DAY, IOC, FOK])
@pytest.mark.parametrize("price", [None, "10.02", "10.05"])
def test_an_order_that_the_touch_covers_fills_there(tif: TimeInForce, price: str | None) -> None:
    desk = ready()
    desk.send(new("o", BUY, "100", price, tif=tif))
    assert trail(desk.results, "o") == ["NEW/NEW", "FILL/FILLED"]
    assert fills_of(desk) == [(px("100"), px("10.02"), Liquidity.REMOVED)]
    assert [result.terminal for result in desk.results] == [False, True]
    assert desk.account().ledger.working == {}


def test_a_sell_takes_the_bid() -> None:
    desk = ready()
    desk.send(new("o", SELL, "100", "9.90"))
    assert fills_of(desk) == [(px("100"), px("10.00"), Liquidity.REMOVED)]


@pytest.mark.parametrize(
    ("tif", "quantity", "expected", "code"),
    [
        (IOC, "150", ["NEW/NEW", "PARTIAL_FILL/PARTIALLY_FILLED", "CANCELED/CANCELED"], "IOC_REMAINDER"),
        (FOK, "101", ["NEW/NEW", "CANCELED/CANCELED"], "FOK_NOT_FILLABLE"),
        (GTC, "150", ["NEW/NEW", "PARTIAL_FILL/PARTIALLY_FILLED"], None),
        (DAY, "150", ["NEW/NEW", "PARTIAL_FILL/PARTIALLY_FILLED"], None),
    ],
)
@pytest.mark.parametrize("price", [None, "10.02"])
def test_more_than_the_touch_shows(
    tif: TimeInForce, quantity: str, expected: list[str], code: str | None, price: str | None
) -> None:
    desk, waits = ready(), code is None and price is None
    desk.send(new("o", BUY, quantity, price, tif=tif))
    assert trail(desk.results, "o") == expected + ["RESTATED/PARTIALLY_FILLED"] * waits
    assert last(desk).reason_code == ("WAITS_FOR_LIQUIDITY" if waits else code)
    assert last(desk).terminal is (code is not None)
    assert last(desk).leaves_qty == (px("50") if code is None else 0)


@pytest.mark.parametrize("tif", [IOC, FOK])
def test_an_immediate_order_outside_the_market_is_cancelled(tif: TimeInForce) -> None:
    desk = ready()
    desk.send(new("o", BUY, "1", "10.01", tif=tif))
    assert trail(desk.results, "o") == ["NEW/NEW", "CANCELED/CANCELED"]
    assert desk.fills == []


@pytest.mark.parametrize("tif", [IOC, FOK])
@pytest.mark.parametrize("side", [BUY, SELL])
def test_an_absent_side_fills_nothing(tif: TimeInForce, side: Side) -> None:
    desk = ready()
    desk.send(quote(bid_sz="0", ask_sz="0"), new("o", side, "1", tif=tif))
    assert trail(desk.results, "o") == ["NEW/NEW", "CANCELED/CANCELED"]


def test_an_unknown_size_limits_nothing() -> None:
    desk = ready()
    desk.send(quote(ask_sz="-1e-9"), new("o1", BUY, "5000", tif=FOK), new("o2", BUY, "5000", tif=FOK))
    assert [trail(desk.results, name)[-1] for name in ("o1", "o2")] == ["FILL/FILLED"] * 2
    assert {report.ask_sz for report in desk.executions} == {None}


def test_a_resting_order_adds_liquidity_at_its_limit() -> None:
    desk = ready(config(instruments=(instrument(fee=fee(maker="0.001", taker="0.002")),)))
    desk.send(new("o", BUY, "50", "9.99"))
    desk.send(quote("9.90", "9.99", ask_sz="20"), quote("9.90", "9.95", ask_sz="20"), quote("9.90", "9.92"))
    expected = ["NEW/NEW", *["PARTIAL_FILL/PARTIALLY_FILLED"] * 2, "FILL/FILLED"]
    assert trail(desk.results, "o") == expected
    assert fills_of(desk) == [(px(quantity), px("9.99"), Liquidity.ADDED) for quantity in ("20", "20", "10")]
    assert [fill.commission for fill in desk.fills] == [px(quantity) * px("0.00999") for quantity in ("20", "20", "10")]


def test_the_remainder_of_an_arriving_order_rests() -> None:
    desk = ready()
    desk.send(new("o", BUY, "150", "10.02"), quote("10.00", "10.01"))
    assert fills_of(desk) == [
        (px("100"), px("10.02"), Liquidity.REMOVED),
        (px("50"), px("10.02"), Liquidity.ADDED),
    ]
    assert last(desk).avg_px == px("10.02")


def test_a_working_market_order_takes_the_next_quote() -> None:
    desk = ready()
    desk.send(new("o", BUY, "150"), quote("10.03", "10.05"))
    assert fills_of(desk) == [
        (px("100"), px("10.02"), Liquidity.REMOVED),
        (px("50"), px("10.05"), Liquidity.REMOVED),
    ]
    assert last(desk).avg_px == px("10.03")


def test_whole_lots_only() -> None:
    desk = ready(config(instruments=(instrument(lot_size="10", min_quantity="10"),)))
    desk.send(quote(ask_sz="25"), new("o", BUY, "40", "10.02"))
    assert [fill.quantity for fill in desk.fills] == [px("20")]
    desk.send(quote(ask_sz="9"))
    assert len(desk.fills) == 1
    desk.send(new("f", BUY, "10", tif=FOK))
    assert trail(desk.results, "f") == ["NEW/NEW", "CANCELED/CANCELED"]


def test_earlier_orders_trade_first() -> None:
    desk = ready()
    desk.send(new("o1", BUY, "60", "9.99"), new("o2", BUY, "60", "9.99"), quote("9.98", "9.99"))
    assert [(fill.order_id, fill.quantity) for fill in desk.fills] == [("o1", px("60")), ("o2", px("40"))]


@pytest.mark.parametrize(("rate", "expected"), [("1", ["REJECTED/REJECTED"]), ("0", ["NEW/NEW", "FILL/FILLED"])])
def test_the_venue_may_reject(rate: str, expected: list[str]) -> None:
    desk = ready(mock_config(failure_rate=rate))
    desk.send(new("o", BUY, "10"))
    assert trail(desk.results, "o") == expected
    assert last(desk).terminal
    assert desk.account().ledger.working == {}
    if rate == "1":
        assert last(desk).reason_code == "MOCK_FAILURE"


def test_a_day_order_expires_and_a_gtc_order_stays() -> None:
    desk = ready()
    midnight = 1_700_006_400 * SECOND
    desk.send(new("d", BUY, "150", "10.02", tif=DAY), new("g", BUY, "10", "9.00", tif=GTC))
    desk.send(heartbeat(midnight - 1))
    assert len(desk.account().ledger.working) == 2
    desk.send(heartbeat(midnight + 40 * MS))
    assert trail(desk.results, "d")[-1] == "EXPIRED/EXPIRED"
    assert (last(desk, "d").reason_code, last(desk, "d").terminal, last(desk, "d").cum_qty) == (
        "DAY_END",
        True,
        px("100"),
    )
    assert of(ExecutionReport, desk.outputs)[-1].ts == midnight, "it expires at its own time, not at the heartbeat's"
    assert list(desk.account().ledger.working) == ["g"]
    desk.send(cancel("c", "d", ts=START))
    assert last(desk, "d").reason_code == "TOO_LATE_TO_CANCEL"


def test_a_report_names_the_quote_in_force() -> None:
    desk = ready()
    desk.send(quote("10.05", "10.07", at=START + 2 * SECOND), heartbeat(START + 4 * SECOND))
    desk.send(new("o", BUY, "10", ts=START + 5 * SECOND), heartbeat(START + 9 * SECOND))
    (fill,) = desk.fills
    assert (fill.bid_px, fill.bid_sz, fill.ask_px, fill.ask_sz) == (px("10.05"), px("100"), px("10.07"), px("100"))
    assert (fill.quote_ts, fill.ts) == (START + 2 * SECOND, START + 5 * SECOND)


def test_a_copy_of_an_approved_order_changes_nothing() -> None:
    """It is refused while its original works, and dropped if both are on their way. The place in the queue stays."""
    desk = ready(config(simulators=(top_of_book(latency_ms=500),)))
    desk.send(new("first", BUY, "10", "9.00"))
    (approved,) = of(ApprovedOrder, desk.outputs)
    desk.send(approved, quote(at=START + SECOND))
    assert trail(desk.executions, "first") == ["NEW/NEW"]
    desk.send(new("second", BUY, "10", "9.00", ts=START + SECOND), quote(at=START + 2 * SECOND))
    with pytest.raises(RecordRefused, match="first of account A is working at the venue already"):
        desk.send(approved)
    desk.restart()
    desk.send(quote(bid="8.97", ask="8.99", at=START + 3 * SECOND))
    assert [fill.order_id for fill in desk.fills] == ["first", "second"]
