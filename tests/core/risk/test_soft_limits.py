"""Soft limits: one warning when an approved order's number comes up to its share of the limit, armed again below it."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.records.enums import ControlKind, RiskEventKind, Side
from schemas.records.messages import OrderRequest, RiskEvent
from tests.builders import MS, START, cancel, config, control, heartbeat, limits, new, opening, quote, replace
from tests.core.desk import Desk, of, ready

BUY, SELL = Side.BUY, Side.SELL
Warning_ = tuple[str | None, str | None, str | None, str | None]


def limited(**changes: Any) -> Desk:
    return ready(config(limits=limits(**changes)))


def warnings(desk: Desk, *requests: OrderRequest) -> list[Warning_]:
    """Returns order, code, observed value and limit of each warning."""
    events = of(RiskEvent, desk.send(*requests))
    found = [event for event in events if event.kind is RiskEventKind.LIMIT_WARNING]
    assert all(event.order_id in event.text and event.account_id == "A" for event in found if event.order_id)
    assert all(event.symbol in ("ABC", "XYZ") for event in found)
    return [(event.order_id, event.code, event.observed_value, event.limit_value) for event in found]


@pytest.mark.parametrize(
    ("quantity", "expected"), [("79", []), ("80", ["80"]), ("81", ["81"]), ("100", ["100"]), ("101", [])]
)
def test_an_approved_order_warns_from_the_soft_limit_on(quantity: str, expected: list[str]) -> None:
    desk = limited(max_order_quantity="100")
    found = warnings(desk, new("o", BUY, quantity, "9.00"))
    assert found == [("o", "MAX_ORDER_QUANTITY", observed, "100") for observed in expected]


@pytest.mark.parametrize(("soft", "quantity"), [("0.5", "50"), ("0.333", "34"), ("1", "100"), ("0.005", "1")])
def test_the_share_is_a_parameter(soft: str, quantity: str) -> None:
    desk = limited(max_order_quantity={"limit": "100", "soft": soft})
    below = str(int(quantity) - 1)
    assert below == "0" or warnings(desk, new("below", BUY, below, "9.00")) == []
    assert warnings(desk, new("at", BUY, quantity, "9.00")) == [("at", "MAX_ORDER_QUANTITY", quantity, "100")]


def test_it_warns_once_until_an_order_is_below_again() -> None:
    desk = limited(max_position="100")
    assert warnings(desk, new("w1", BUY, "80", "9.00")) == [("w1", "MAX_POSITION", "80", "100")]
    assert warnings(desk, new("w2", BUY, "10", "9.00"), replace("r", "w2", "15")) == []
    desk.restart()
    assert warnings(desk, new("w3", BUY, "5", "9.00")) == []
    assert warnings(desk, cancel("c", "w1"), new("w4", BUY, "10", "9.00")) == [], "30 are below: armed again"
    assert warnings(desk, new("w5", BUY, "50", "9.00")) == [("w5", "MAX_POSITION", "80", "100")]


def test_each_instrument_warns_for_itself_and_an_account_once() -> None:
    desk = limited(max_position="100", max_open_orders=5)
    asked = [
        new(f"{symbol}{number}", BUY, "40", "9.00", symbol=symbol) for number in (1, 2) for symbol in ("ABC", "XYZ")
    ]
    assert warnings(desk, *asked) == [
        ("ABC2", "MAX_POSITION", "80", "100"),
        ("XYZ2", "MAX_OPEN_ORDERS", "4", "5"),
        ("XYZ2", "MAX_POSITION", "80", "100"),
    ]


def test_a_refused_order_neither_warns_nor_arms() -> None:
    desk = limited(max_order_quantity="100", max_position="100")
    assert warnings(desk, new("w", BUY, "85", "9.00")) == [
        ("w", "MAX_ORDER_QUANTITY", "85", "100"),
        ("w", "MAX_POSITION", "85", "100"),
    ]
    assert warnings(desk, new("o1", BUY, "20", "9.00"), new("o2", BUY, "85", "9.00")) == []
    assert warnings(desk, new("o3", BUY, "1", "9.00"), new("o4", SELL, "85", "11.00")) == [
        ("o4", "MAX_ORDER_QUANTITY", "85", "100"),
    ]


LIMITS: list[tuple[dict[str, Any], list[OrderRequest], Warning_]] = [
    ({"max_order_notional": "1000"}, [new("o", BUY, "80", "10.00")], ("o", "MAX_ORDER_NOTIONAL", "800", "1000")),
    ({"price_collar": {"ticks": 10}}, [new("o", BUY, "1", "10.09")], ("o", "PRICE_COLLAR", "10.09", "10.11")),
    ({"repeated_order": 2}, [new("n", BUY, "1", "9"), new("o", BUY, "1", "9")], ("o", "REPEATED_ORDER", "2", "2")),
    ({"message_rate": 2}, [new("n", BUY, "1", "9"), new("o", BUY, "2", "9")], ("o", "MESSAGE_RATE", "2", "2")),
    ({"order_rate": 1}, [new("o", BUY, "1", "9")], ("o", "ORDER_RATE", "1", "1")),
    ({"order_rate_per_symbol": 1}, [new("o", BUY, "1", "9")], ("o", "ORDER_RATE_PER_SYMBOL", "1", "1")),
    ({"max_open_orders_per_symbol": 1}, [new("o", BUY, "1", "9")], ("o", "MAX_OPEN_ORDERS_PER_SYMBOL", "1", "1")),
    ({"max_long_position": "10"}, [new("o", BUY, "8", "9")], ("o", "MAX_LONG_POSITION", "8", "10")),
    ({"max_short_position": "10"}, [new("o", SELL, "8", "11")], ("o", "MAX_SHORT_POSITION", "8", "10")),
    ({"max_gross_exposure": "1001"}, [new("o", BUY, "80", "9")], ("o", "MAX_GROSS_EXPOSURE", "800.8", "1001")),
    ({"max_net_exposure": "1001"}, [new("o", SELL, "80", "11")], ("o", "MAX_NET_EXPOSURE", "800.8", "1001")),
    ({"max_concentration": "0.001"}, [new("o", BUY, "80", "9")], ("o", "MAX_CONCENTRATION", "0.0008008", "0.001")),
    ({"max_leverage": "0.001"}, [new("o", BUY, "80", "9")], ("o", "MAX_LEVERAGE", "0.0008008", "0.001")),
    ({"max_margin": "0.001"}, [new("o", BUY, "80", "9")], ("o", "MAX_MARGIN", "0.0008008", "0.001")),
    ({"leverage": "0.001"}, [new("o", BUY, "80", "9")], ("o", "BUYING_POWER", "0.0008008", "0.001")),
]


@pytest.mark.parametrize(("limit", "requests", "expected"), LIMITS, ids=[next(iter(item[0])) for item in LIMITS])
def test_every_limit_warns_once(limit: dict[str, Any], requests: list[OrderRequest], expected: Warning_) -> None:
    desk = limited(**limit)
    assert warnings(desk, *requests) == [expected]
    assert list(desk.account().memory.warned) in ([expected[1]], [f"{expected[1]} ABC"])


def test_the_cancel_ratio_warns() -> None:
    desk = limited(cancel_ratio={"limit": "5", "min_observations": 1})
    for number in range(4):
        desk.send(new(f"o{number}", BUY, "1", "9.00"), cancel(f"c{number}", f"o{number}"))
    assert warnings(desk, new("o", BUY, "1", "9.00")) == [("o", "CANCEL_RATIO", "4", "5")]


def test_a_window_that_empties_arms_its_warning() -> None:
    desk = limited(message_rate={"limit": 2, "window_ms": 100})
    first, second, third, fourth = (new(f"o{number}", BUY, "1", "9.00") for number in range(4))
    assert [item[0] for item in warnings(desk, first, second)] == ["o1"]
    desk.send(heartbeat(START + 200 * MS))
    assert [item[0] for item in warnings(desk, third, fourth)] == ["o3"]


def test_a_new_session_warns_anew() -> None:
    desk = limited(max_order_quantity="100")
    assert len(warnings(desk, new("o1", BUY, "90", "9.00"))) == 1
    desk.send(control(ControlKind.SESSION_CLOSE), opening(session="session-2"), quote())
    assert len(warnings(desk, new("o2", BUY, "90", "9.00"))) == 1
