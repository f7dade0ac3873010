"""Each control of a single order at, below and above its limit: instrument, kind, size, price, time, repetition."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from schemas.records.enums import ControlKind, OrderType, Side, TimeInForce
from schemas.records.messages import OrderRequest
from schemas.records.numbers import price_text
from streams.core.core_config import CoreConfig, TimeSource
from tests.builders import (
    MS,
    SECOND,
    START,
    cancel,
    config,
    control,
    heartbeat,
    instrument,
    limits,
    new,
    opening,
    px,
    quote,
    replace,
)
from tests.core.desk import Answer, Desk, answer, ready

BUY, SELL = Side.BUY, Side.SELL


def judged(request: OrderRequest, **changes: Any) -> Answer | None:
    """Sends an order under limits at a quote of 10.00 to 10.02, a mark of 10.01."""
    return answer(ready(config(limits=limits(**changes))), request)


def test_an_instrument_that_may_not_be_traded() -> None:
    closed = config(instruments=(instrument("ABC", tradable=False),))
    assert answer(ready(closed), new("o", price="9.00")) == ("NOT_TRADABLE", None, None)


def test_an_instrument_that_stops_being_tradable_still_takes_cancels() -> None:
    desk = ready()
    desk.send(new("w", BUY, "10", "9.00"))
    desk.configure(config(instruments=(instrument("ABC", tradable=False),)))
    assert answer(desk, replace("r", "w", "5")) == ("NOT_TRADABLE", None, None)
    assert answer(desk, cancel("c", "w")) is None


@pytest.mark.parametrize(
    ("symbols", "expected"), [([], None), (["XYZ"], None), (["XYZ", "ABC"], ("RESTRICTED", None, "ABC"))]
)
def test_the_restricted_list(symbols: list[str], expected: Answer | None) -> None:
    for side in (BUY, SELL):
        assert judged(new("o", side, price="9.00"), restricted=symbols) == expected


def test_order_types_and_times_in_force_that_are_allowed() -> None:
    allowed = {"order_types": ["LIMIT"], "times_in_force": ["DAY", "IOC"]}
    assert judged(new("o", price="9.00", tif=TimeInForce.DAY), **allowed) is None
    assert judged(new("o", tif=TimeInForce.DAY), **allowed) == ("ORDER_TYPE", "LIMIT", "MARKET")
    assert judged(new("o", price="9.00"), **allowed) == ("TIME_IN_FORCE", "DAY,IOC", "GTC")


@pytest.mark.parametrize(
    ("quantity", "expected"),
    [
        ("4", ("MIN_ORDER_QUANTITY", "5", "4")),
        ("5", None),
        ("6", None),
        ("100", None),
        ("101", ("MAX_ORDER_QUANTITY", "100", "101")),
    ],
)
def test_quantity_of_the_account(quantity: str, expected: Answer | None) -> None:
    assert judged(new("o", BUY, quantity, "9.00"), min_order_quantity="5", max_order_quantity="100") == expected


@pytest.mark.parametrize(
    ("price", "expected"),
    [
        ("4.99", ("MIN_ORDER_NOTIONAL", "50", "49.9")),
        ("5.00", None),
        ("9.00", None),
        ("9.01", ("MAX_ORDER_NOTIONAL", "90", "90.1")),
    ],
)
def test_notional_of_the_account(price: str, expected: Answer | None) -> None:
    assert judged(new("o", BUY, "10", price), min_order_notional="50", max_order_notional="90") == expected


def test_a_market_order_has_the_notional_of_the_mark() -> None:
    assert judged(new("o", BUY, "10"), min_order_notional="100.2") == ("MIN_ORDER_NOTIONAL", "100.2", "100.1")
    assert judged(new("o", BUY, "10"), min_order_notional="100.1") is None


COLLARS: list[tuple[dict[str, Any], Side, str, str | None]] = [
    ({"percent": "1"}, BUY, "10.11", None),
    ({"percent": "1"}, BUY, "10.12", "10.1101"),
    ({"percent": "1"}, SELL, "9.91", None),
    ({"percent": "1"}, SELL, "9.90", "9.9099"),
    ({"percent": "1"}, BUY, "0.01", None),
    ({"percent": "1"}, SELL, "99.00", None),
    ({"ticks": 10}, BUY, "10.11", None),
    ({"ticks": 10}, BUY, "10.12", "10.11"),
    ({"ticks": 10}, SELL, "9.91", None),
    ({"ticks": 10}, SELL, "9.90", "9.91"),
    ({"percent": "1", "ticks": 20}, BUY, "10.21", None),
    ({"percent": "1", "ticks": 20}, BUY, "10.22", "10.21"),
    ({"percent": "3", "ticks": 20}, BUY, "10.31", None),
    ({"percent": "3", "ticks": 20}, BUY, "10.32", "10.3103"),
]


@pytest.mark.parametrize(("collar", "side", "price", "bound"), COLLARS)
def test_the_price_collar_is_the_larger_of_percent_and_ticks(
    collar: dict[str, Any], side: Side, price: str, bound: str | None
) -> None:
    """The mark is 10.01. A price on the passive side rests, however far away."""
    expected = None if bound is None else ("PRICE_COLLAR", bound, price_text(px(price)))
    assert judged(new("o", side, "10", price), price_collar=collar) == expected


def test_the_collar_takes_what_has_no_price_or_no_mark() -> None:
    core = config(limits=limits(price_collar="1"))
    assert answer(ready(core), new("o", BUY, "10")) is None
    assert answer(ready(core, market=False), new("o", BUY, "10", "900.00")) is None
    stop = new("o", BUY, "10", order_type=OrderType.STOP, stop_price=px("20.00"))
    assert answer(ready(core), stop) is None


def test_a_stop_limit_is_judged_from_its_stop_price() -> None:
    core = config(limits=limits(price_collar="1"))

    def asked(price: str) -> Answer | None:
        order = new("o", BUY, "10", price, order_type=OrderType.STOP_LIMIT, stop_price=px("20.00"))
        return answer(ready(core), order)

    assert asked("20.20") is None
    assert asked("20.21") == ("PRICE_COLLAR", "20.2", "20.21")


def test_a_replace_is_judged_by_its_new_price() -> None:
    desk = ready(config(limits=limits(price_collar={"ticks": 10})))
    desk.send(new("w", BUY, "10", "9.00"))
    assert answer(desk, replace("r1", "w", price="10.12")) == ("PRICE_COLLAR", "10.11", "10.12")
    assert answer(desk, replace("r2", "w", price="10.11")) is None


@pytest.mark.parametrize(
    ("age_ms", "expected"), [(999, None), (1_000, None), (1_000.001, ("STALE_MARK", "1000", "1001"))]
)
def test_a_mark_gets_stale_in_market_time(age_ms: float, expected: Answer | None) -> None:
    desk = ready(config(limits=limits(stale_mark=1_000)))
    desk.send(quote(symbol="XYZ", at=START + int(age_ms * MS)))
    assert answer(desk, new("o", BUY, "10", "9.00")) == expected
    assert answer(desk, new("x", BUY, "10", "9.00", symbol="XYZ")) is None


def test_without_a_mark_nothing_can_be_judged() -> None:
    desk = ready(config(limits=limits(stale_mark=1_000)), market=False)
    assert answer(desk, new("o", BUY, "10", "9.00")) == ("STALE_MARK", "1000", None)


def test_with_record_time_a_mark_gets_stale_by_the_records_clock() -> None:
    desk = Desk(config(limits=limits(stale_mark=1_000), time_source=TimeSource.RECORD))
    desk.send(opening(), at=START)
    desk.send(quote(at=1), at=START)
    desk.send(new("o1", BUY, "10", "9.00", ts=1), at=START + SECOND)
    desk.send(new("o2", BUY, "10", "9.00", ts=1), at=START + SECOND + MS)
    assert [result.reason_code for result in desk.results if result.order_id == "o2"] == ["STALE_MARK"]
    assert all(result.reason_code is None for result in desk.results if result.order_id == "o1")


NEW_YORK = {"timezone": "America/New_York", "calendar": "XNYS"}
HOURS = [
    pytest.param({}, "2023-11-12T03:00", True, id="no hours are all hours"),
    pytest.param(NEW_YORK, "2023-11-14T14:29", False, id="before the open"),
    pytest.param(NEW_YORK, "2023-11-14T14:30", True, id="at the open"),
    pytest.param(NEW_YORK, "2023-11-14T20:59", True, id="before the close"),
    pytest.param(NEW_YORK, "2023-11-14T21:00", False, id="at the close"),
    pytest.param(NEW_YORK, "2023-11-18T15:00", False, id="Saturday"),
    pytest.param(NEW_YORK, "2023-11-23T15:00", False, id="Thanksgiving"),
    pytest.param(NEW_YORK, "2024-01-01T15:00", False, id="New Year, before the year's first session"),
    pytest.param(NEW_YORK, "2022-12-31T15:00", False, id="New Year's Eve, after the year's last session"),
    pytest.param(NEW_YORK, "2024-12-31T15:00", True, id="New Year's Eve"),
    pytest.param(NEW_YORK, "2023-11-24T17:59", True, id="early close, before"),
    pytest.param(NEW_YORK, "2023-11-24T18:00", False, id="early close, at"),
    pytest.param(NEW_YORK | {"day_start": "04:00", "day_end": "20:00"}, "2023-11-14T08:59", False, id="before 04:00"),
    pytest.param(NEW_YORK | {"day_start": "04:00", "day_end": "20:00"}, "2023-11-14T09:00", True, id="at 04:00"),
    pytest.param(NEW_YORK | {"day_start": "04:00", "day_end": "20:00"}, "2023-11-15T00:59", True, id="before 20:00"),
    pytest.param(NEW_YORK | {"day_start": "04:00", "day_end": "20:00"}, "2023-11-15T01:00", False, id="at 20:00"),
    pytest.param({"day_start": "08:00", "day_end": "16:00"}, "2023-11-12T08:00", True, id="without a calendar"),
    pytest.param({"day_start": "08:00", "day_end": "16:00"}, "2023-11-12T16:00", False, id="without one, at the end"),
]


@pytest.mark.parametrize(("hours", "at", "is_open"), HOURS)
def test_session_hours(hours: dict[str, str], at: str, is_open: bool) -> None:
    time_ns = int(datetime.fromisoformat(at).replace(tzinfo=UTC).timestamp()) * SECOND
    desk = ready(config(instruments=(instrument(**hours),), limits=limits(session_hours=True)), market=False)
    desk.send(quote(at=time_ns))
    expected = None if is_open else ("MARKET_CLOSED", None, None)
    assert answer(desk, new("o", BUY, "10", "9.00", ts=time_ns)) == expected


def test_before_there_is_a_market_time_no_market_is_closed() -> None:
    desk = ready(config(instruments=(instrument(**NEW_YORK),), limits=limits(session_hours=True)), market=False)
    assert answer(desk, new("o", BUY, "10", "9.00", ts=START)) is None


def repeating(core: CoreConfig, *orders: OrderRequest) -> list[str]:
    desk = ready(core)
    found = [answer(desk, order) for order in orders]
    return [item[0] if item else "" for item in found]


TWICE = config(limits=limits(repeated_order={"limit": 2, "window_ms": 1_000}))


@pytest.mark.parametrize(
    ("last", "refused"),
    [
        pytest.param(new("o3", BUY, "10", "9.00", ts=START + 1_000 * MS - 1), True, id="in the window"),
        pytest.param(new("o3", BUY, "10", "9.00", ts=START + 1_000 * MS), False, id="the first has left the window"),
        pytest.param(new("o3", SELL, "10", "9.00", ts=START), False, id="other side"),
        pytest.param(new("o3", BUY, "11", "9.00", ts=START), False, id="other quantity"),
        pytest.param(new("o3", BUY, "10", "9.01", ts=START), False, id="other price"),
        pytest.param(new("o3", BUY, "10", ts=START), False, id="no price"),
        pytest.param(new("o3", BUY, "10", "9.00", ts=START, symbol="XYZ"), False, id="other symbol"),
        pytest.param(new("o3", BUY, "10", "9.00", ts=START, tif=TimeInForce.IOC), True, id="same but for its time"),
    ],
)
def test_the_same_order_again_and_again(last: OrderRequest, refused: bool) -> None:
    first = [new("o1", BUY, "10", "9.00"), new("o2", BUY, "10", "9.00")]
    desk = ready(TWICE)
    assert [answer(desk, order) for order in first] == [None, None]
    desk.send(heartbeat(last.ts))
    assert answer(desk, last) == (("REPEATED_ORDER", "2", "3") if refused else None)


def test_what_was_refused_counts_and_replaces_do_not() -> None:
    orders = [new(f"o{number}", BUY, "200000", "9.00") for number in range(3)]
    assert repeating(TWICE, *orders) == ["MAX_ORDER_QUANTITY"] * 3
    desk = ready(TWICE)
    for number in range(2):
        assert answer(desk, new(f"w{number}", BUY, "10", "9.00")) is None
    assert answer(desk, replace("r", "w1", price="9.00")) is None
    desk.send(control(ControlKind.LIMITS, limits='{"repeated_order": null}'))
    assert answer(desk, new("free", BUY, "10", "9.00")) is None
