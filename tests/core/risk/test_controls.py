"""Each pre-trade control at, below and above its limit, alone and together: code, limit and observed value."""

from __future__ import annotations

import pytest

from schemas.records.enums import ControlKind, OrderType, Side, TimeInForce, TradingState
from schemas.records.messages import OrderRequest
from streams.core.core_config import CoreConfig
from tests.builders import cancel, config, control, instrument, limits, new, opening, quote, replace, state_of_trading
from tests.core.desk import Answer, Desk, answer, ready

BUY, SELL = Side.BUY, Side.SELL

SMALL = config(
    instruments=(
        instrument("ABC", lot_size="5", min_quantity="10", max_quantity="1000"),
        instrument("EUR", currency="EUR"),
    ),
    limits=limits(max_order_quantity="500", max_order_notional="4000", max_position="600"),
)


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        pytest.param(new("o", quantity="5", price="1"), ("MIN_QUANTITY", "10", "5"), id="below the minimum"),
        pytest.param(new("o", quantity="10", price="1"), None, id="at the minimum"),
        pytest.param(new("o", quantity="15", price="1"), None, id="above the minimum"),
        pytest.param(new("o", quantity="0", price="1"), ("MIN_QUANTITY", "10", "0"), id="zero"),
        pytest.param(new("o", quantity="-10", price="1"), ("MIN_QUANTITY", "10", "-10"), id="negative"),
        pytest.param(
            new("o", quantity="1000.000000001", price="1"), ("MAX_QUANTITY", "1000", "1000.000000001"), id="max"
        ),
        pytest.param(new("o", quantity="1000", price="1"), ("MAX_ORDER_QUANTITY", "500", "1000"), id="at the maximum"),
        pytest.param(new("o", quantity="12", price="1"), ("LOT_SIZE", "5", "12"), id="between lots"),
        pytest.param(new("o", quantity="10", price="1.001"), ("TICK_SIZE", "0.01", "1.001"), id="between ticks"),
        pytest.param(new("o", quantity="10", price="0.01"), None, id="one tick"),
        pytest.param(new("o", quantity="10", price="0"), ("TICK_SIZE", "0.01", "0"), id="price zero"),
        pytest.param(new("o", quantity="10", price="-1"), ("TICK_SIZE", "0.01", "-1"), id="price negative"),
        pytest.param(new("o", quantity="495", price="1"), None, id="below the order quantity"),
        pytest.param(new("o", quantity="500", price="1"), None, id="at the order quantity"),
        pytest.param(new("o", quantity="505", price="1"), ("MAX_ORDER_QUANTITY", "500", "505"), id="above it"),
        pytest.param(new("o", quantity="400", price="9.99"), None, id="below the notional"),
        pytest.param(new("o", quantity="400", price="10"), None, id="at the notional"),
        pytest.param(new("o", quantity="400", price="10.01"), ("MAX_ORDER_NOTIONAL", "4000", "4004"), id="above it"),
        pytest.param(new("o", symbol="EUR", price="1"), ("CURRENCY_MISMATCH", "USD", "EUR"), id="currency"),
        pytest.param(new("o", symbol="NIX", price="1"), ("UNKNOWN_INSTRUMENT", None, None), id="instrument"),
        pytest.param(new("o", account="B", price="1"), ("UNKNOWN_ACCOUNT", None, None), id="account"),
        pytest.param(new("o", quantity=None, price="1"), ("FIELD_MISSING", None, None), id="no quantity"),
        pytest.param(new("o", Side.UNKNOWN, price="1"), ("FIELD_MISSING", None, None), id="no side"),
        pytest.param(new("o", order_type=OrderType.LIMIT), ("ORDER_FORM", None, None), id="limit without price"),
        pytest.param(
            new("o", price="1", order_type=OrderType.MARKET), ("ORDER_FORM", None, None), id="market with price"
        ),
    ],
)
def test_a_control_at_below_and_above_its_limit(request_: OrderRequest, expected: Answer | None) -> None:
    desk = ready(SMALL)
    assert answer(desk, request_) == expected


def test_what_a_newer_writer_means_is_refused() -> None:
    assert answer(ready(), new("o", price="1", order_type=OrderType.UNKNOWN)) == ("ORDER_FORM", None, None)
    assert answer(ready(), new("o", price="1", tif=TimeInForce.UNKNOWN)) == ("ORDER_FORM", None, None)


def test_a_market_order_is_valued_at_the_mark_and_needs_one() -> None:
    desk = ready(SMALL, market=False)
    assert answer(desk, new("o1", quantity="10")) == ("NO_MARK", None, None)
    desk.send(quote("9.99", "10.01"))
    assert answer(desk, new("o2", quantity="400")) is None
    desk.send(quote("10.00", "10.02"))
    assert answer(desk, new("o3", SELL, quantity="400")) == ("MAX_ORDER_NOTIONAL", "4000", "4004")


def bought(quantity: str, core: CoreConfig = SMALL) -> Desk:
    """A desk with a position of ABC."""
    desk = ready(core)
    desk.send(quote("1.00", "1.02", ask_sz="1000", bid_sz="1000"), new("held", BUY, quantity))
    assert desk.account().ledger.position_quantity("ABC") > 0
    return desk


@pytest.mark.parametrize(
    ("quantity", "expected"), [("195", None), ("200", None), ("205", ("MAX_POSITION", "600", "605"))]
)
def test_working_orders_count_toward_the_position(quantity: str, expected: Answer | None) -> None:
    desk = bought("300")
    assert answer(desk, new("w", BUY, "100", "0.50")) is None
    assert answer(desk, new("o", BUY, quantity, "0.50")) == expected


@pytest.mark.parametrize(
    ("quantity", "expected"), [("395", None), ("400", None), ("405", ("MAX_POSITION", "600", "-605"))]
)
def test_a_short_position_has_the_same_limit(quantity: str, expected: Answer | None) -> None:
    desk = bought("300")
    desk.send(new("w", SELL, "500", "2.00"))
    assert answer(desk, new("o", SELL, quantity, "2.00")) == expected


def test_working_orders_of_the_other_side_do_not_count() -> None:
    desk = ready(SMALL)
    assert answer(desk, new("s", SELL, "500", "7.00")) is None
    assert answer(desk, new("b", BUY, "500", "1.00")) is None


def test_what_is_cancelled_counts_no_more() -> None:
    desk = ready(SMALL)
    desk.send(new("w", BUY, "500", "1.00"))
    assert answer(desk, new("o1", BUY, "105", "1.00")) == ("MAX_POSITION", "600", "605")
    desk.send(cancel("c", "w"))
    assert answer(desk, new("o2", BUY, "500", "1.00")) is None


def test_limits_of_one_symbol_do_not_count_another() -> None:
    desk = ready(config(limits=limits(max_position="10")))
    assert answer(desk, new("o1", BUY, "10", "1.00")) is None
    assert answer(desk, new("o2", BUY, "10", "1.00", symbol="XYZ")) is None
    assert answer(desk, new("o3", BUY, "1", "1.00")) == ("MAX_POSITION", "10", "11")


def test_a_position_beyond_a_lowered_limit_may_shrink() -> None:
    desk = bought("300")
    desk.send(control(ControlKind.LIMITS, limits='{"max_position": "50"}'))
    assert answer(desk, new("more", BUY, "10", "1.00")) == ("MAX_POSITION", "50", "310")
    assert answer(desk, new("less", SELL, "350", "1.00")) is None


@pytest.mark.parametrize(
    ("side", "quantity", "expected"),
    [
        (SELL, "100", None),
        (SELL, "105", ("REDUCE_ONLY", None, None)),
        (BUY, "10", ("REDUCE_ONLY", None, None)),
    ],
)
def test_reducing_lets_a_position_shrink_to_flat_only(side: Side, quantity: str, expected: Answer | None) -> None:
    desk = bought("100")
    desk.send(state_of_trading(TradingState.REDUCING))
    assert answer(desk, new("o", side, quantity, "1.50" if side is SELL else "0.50")) == expected


def test_reducing_counts_orders_that_reduce_already() -> None:
    desk = bought("100")
    desk.send(state_of_trading(TradingState.REDUCING))
    assert answer(desk, new("o1", SELL, "60", "1.50")) is None
    assert answer(desk, new("o2", SELL, "45", "1.50")) == ("REDUCE_ONLY", None, None)
    assert answer(desk, new("o3", SELL, "40", "1.50")) is None


def test_reducing_without_a_position_lets_nothing_pass() -> None:
    desk = ready()
    desk.send(state_of_trading(TradingState.REDUCING))
    for number, side in enumerate((BUY, SELL)):
        assert answer(desk, new(f"o{number}", side, "1", "10.00")) == ("REDUCE_ONLY", None, None)


def test_halted_refuses_orders_and_replaces_but_not_cancels() -> None:
    desk = ready()
    desk.send(new("w", BUY, "10", "9.00"), state_of_trading(TradingState.HALTED))
    assert answer(desk, new("o", SELL, "10", "11.00")) == ("TRADING_HALTED", None, None)
    assert answer(desk, replace("r", "w", quantity="5")) == ("TRADING_HALTED", None, None)
    assert answer(desk, cancel("c", "w")) is None
    desk.send(state_of_trading(TradingState.ACTIVE))
    assert answer(desk, new("o2", SELL, "10", "11.00")) is None


@pytest.mark.parametrize(
    ("quantity", "price", "expected"),
    [
        ("500", None, None),
        ("505", None, ("MAX_ORDER_QUANTITY", "500", "505")),
        ("5", None, ("MIN_QUANTITY", "10", "5")),
        ("12", None, ("LOT_SIZE", "5", "12")),
        (None, "1.001", ("TICK_SIZE", "0.01", "1.001")),
        (None, "40.01", ("MAX_ORDER_NOTIONAL", "4000", "4001")),
        (None, "40.00", None),
    ],
)
def test_a_replace_passes_the_same_controls(quantity: str | None, price: str | None, expected: Answer | None) -> None:
    desk = ready(SMALL)
    desk.send(quote("90.00", "90.02"), new("w", BUY, "100", "1.00"))
    assert answer(desk, replace("r", "w", quantity, price)) == expected


def test_a_replace_counts_what_it_adds_only() -> None:
    desk = ready(SMALL)
    desk.send(new("w1", BUY, "300", "1.00"), new("w2", BUY, "100", "1.00"))
    assert answer(desk, replace("r1", "w1", "505")) == ("MAX_ORDER_QUANTITY", "500", "505")
    assert answer(desk, replace("r2", "w1", "500")) is None
    assert answer(desk, replace("r3", "w2", "105")) == ("MAX_POSITION", "600", "605")


def test_a_replace_on_its_way_counts_with_its_larger_quantity() -> None:
    desk = ready(SMALL, hold=True)
    desk.send(new("w", BUY, "100", "1.00"), replace("up", "w", "500"))
    assert answer(desk, new("o1", BUY, "105", "1.00")) == ("MAX_POSITION", "600", "605")
    desk.deliver_all()
    desk.send(replace("down", "w", "100"))
    assert answer(desk, new("o2", BUY, "105", "1.00")) == ("MAX_POSITION", "600", "605")
    desk.deliver_all()
    assert answer(desk, new("o3", BUY, "105", "1.00")) is None


def test_of_several_broken_rules_the_first_control_answers() -> None:
    """Controls answer in their order; each rule is mended after its control has answered."""
    desk = Desk(SMALL)
    desk.send(opening(), quote("90.00", "90.02"), state_of_trading(TradingState.HALTED))
    said: list[str] = []

    def ask(request: OrderRequest) -> None:
        refused = answer(desk, request._replace(order_id=f"o{len(said)}"))
        said.append(refused[0] if refused else "APPROVED")

    ask(new("", symbol="EUR", quantity="12", price="-7"))
    desk.send(state_of_trading(TradingState.ACTIVE))
    ask(new("", symbol="EUR", quantity="12", price="-7"))
    ask(new("", quantity="1001", price="800.001", tif=TimeInForce.GTD))
    ask(new("", quantity="1001", price="800.001"))
    ask(new("", quantity="1", price="800.001"))
    ask(new("", quantity="999", price="800.001"))
    ask(new("", quantity="995", price="800.001"))
    ask(new("", quantity="995", price="800"))
    ask(new("", quantity="500", price="800"))
    desk.send(new("w", BUY, "200", "1.00"))
    ask(new("", quantity="500", price="8"))
    ask(new("", quantity="400", price="8"))
    assert said == [
        "TRADING_HALTED",
        "CURRENCY_MISMATCH",
        "ORDER_FORM",
        "MAX_QUANTITY",
        "MIN_QUANTITY",
        "LOT_SIZE",
        "TICK_SIZE",
        "MAX_ORDER_QUANTITY",
        "MAX_ORDER_NOTIONAL",
        "MAX_POSITION",
        "APPROVED",
    ]


def test_a_refused_request_leaves_nothing_but_its_id() -> None:
    desk = ready(SMALL)
    ids = {"seen": None, "answers": None, "clock_ns": None}
    before = desk.account().to_state() | ids
    assert answer(desk, new("o", BUY, "505", "1.00")) is not None
    assert desk.account().to_state() | ids == before
