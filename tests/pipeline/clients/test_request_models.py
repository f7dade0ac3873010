"""Requests of users become records of the core, or are refused with a clear message."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from schemas.avro.codec import Codec
from schemas.memory_registry import MemoryRegistry
from schemas.records.bounds import ID_CHARS_MAX, TEXT_CHARS_MAX, TIME_MAX_NS
from schemas.records.enums import Action, ControlKind, OrderType, Side, TimeInForce, TradingState
from schemas.records.numbers import PRICE_MAX, price_to_decimal, to_money, to_price
from streams.pipeline.clients.request_models import ControlModel, OrderRequestModel
from tests.builders import PROPERTY

CODEC = Codec(MemoryRegistry())
NAMES = st.text(st.characters(exclude_categories=("Cc", "Cs")), min_size=1, max_size=12)
OPTIONAL_NAMES = st.none() | NAMES
TIMES = st.integers(0, TIME_MAX_NS)
QUANTITIES = st.integers(1, PRICE_MAX).map(price_to_decimal)
PRICES = st.integers(-PRICE_MAX, PRICE_MAX).map(price_to_decimal)
MONEY = st.decimals(allow_nan=False, allow_infinity=False, places=18, min_value=0, max_value=10**15)
SIDES = st.sampled_from([Side.BUY, Side.SELL])
TIMES_IN_FORCE = st.sampled_from(list(TimeInForce))

ORDER = {
    "order_id": "o-1",
    "account_id": "a-1",
    "symbol": "AIG.US",
    "side": "BUY",
    "order_type": "LIMIT",
    "quantity": "100",
    "price": "49.12",
    "ts": 1,
}
CANCEL = {"action": "CANCEL", "order_id": "c-1", "orig_order_id": "o-1", "account_id": "a-1", "ts": 1}
REPLACE = CANCEL | {"action": "REPLACE", "quantity": "50"}
CONTROL = {"control_id": "c-1", "kind": "SESSION_OPEN", "actor": "ann", "reason": "test", "ts": 1}


@st.composite
def order_requests(draw: st.DrawFn) -> OrderRequestModel:
    """Draws requests that the rules allow."""
    fields: dict[str, Any] = {
        "action": draw(st.sampled_from([Action.NEW, Action.CANCEL, Action.REPLACE])),
        "order_id": draw(NAMES),
        "account_id": draw(NAMES),
        "strategy_id": draw(OPTIONAL_NAMES),
        "time_in_force": draw(TIMES_IN_FORCE),
        "ts": draw(TIMES),
    }
    if fields["action"] is Action.NEW:
        kind = draw(st.sampled_from([OrderType.MARKET, OrderType.LIMIT]))
        price = draw(PRICES) if kind is OrderType.LIMIT else None
        tif = draw(st.sampled_from([TimeInForce.DAY, TimeInForce.GTC, TimeInForce.IOC, TimeInForce.FOK]))
        fields["time_in_force"] = tif
        fields |= {"symbol": draw(NAMES), "side": draw(SIDES), "order_type": kind, "price": price}
        fields |= {"quantity": draw(QUANTITIES)}
    else:
        fields |= {"orig_order_id": draw(NAMES), "quantity": draw(QUANTITIES), "price": draw(st.none() | PRICES)}
    return OrderRequestModel(**fields)


@st.composite
def controls(draw: st.DrawFn) -> ControlModel:
    numbers = st.none() | st.decimals("0.000000001", 10**6, places=9) | st.integers(1, 10**6)
    changes = numbers | st.fixed_dictionaries({}, optional={"soft": st.sampled_from(["0.5", "1"]), "limit": numbers})
    limits = st.dictionaries(st.sampled_from(["max_position", "max_order_quantity", "max_net_exposure"]), changes)
    return ControlModel(
        control_id=draw(NAMES),
        kind=draw(st.sampled_from(list(ControlKind))),
        account_id=draw(OPTIONAL_NAMES),
        session_id=draw(OPTIONAL_NAMES),
        strategy_id=draw(OPTIONAL_NAMES),
        opening_cash=draw(st.none() | MONEY),
        currency=draw(OPTIONAL_NAMES),
        trading_state=draw(st.sampled_from(list(TradingState))),
        limits=draw(st.none() | limits),
        actor=draw(NAMES),
        reason=draw(NAMES),
        ts=draw(TIMES),
    )


@given(order_requests())
@PROPERTY
def test_an_order_request_comes_back_from_the_wire(model: OrderRequestModel) -> None:
    value = CODEC.encode("orders", model.to_message())
    assert OrderRequestModel.from_message(CODEC.decode("orders", value)) == model
    assert OrderRequestModel.model_validate_json(model.model_dump_json()) == model


@given(controls())
@PROPERTY
def test_a_control_comes_back_from_the_wire(model: ControlModel) -> None:
    value = CODEC.encode("controls", model.to_message())
    assert ControlModel.from_message(CODEC.decode("controls", value)) == model
    assert ControlModel.model_validate_json(model.model_dump_json()) == model


def test_numbers_become_fixed_point() -> None:
    order = OrderRequestModel.model_validate(ORDER).to_message()
    assert (order.quantity, order.price) == (to_price("100"), to_price("49.12"))
    assert order.time_in_force is TimeInForce.DAY
    control = ControlModel.model_validate(CONTROL | {"opening_cash": "1000000.000000000000000001"})
    assert control.to_message().opening_cash == to_money("1000000") + 1


def test_limits_keep_their_decimal_text() -> None:
    control = ControlModel.model_validate(CONTROL | {"limits": {"max_order_quantity": "10.50", "leverage": 2.5}})
    assert control.to_message().limits == '{"max_order_quantity": "10.50", "leverage": "2.5"}'
    assert control.limits == {"max_order_quantity": "10.50", "leverage": "2.5"}


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (ORDER | {"side": "UNKNOWN"}, "order o-1: a NEW LIMIT order needs side"),
        (ORDER | {"symbol": ""}, "order o-1: a NEW LIMIT order needs symbol"),
        (ORDER | {"order_type": "UNKNOWN"}, "needs order_type"),
        (ORDER | {"quantity": None, "price": None}, "order o-1: a NEW LIMIT order needs quantity"),
        (ORDER | {"order_type": "MARKET"}, "order o-1: a MARKET order takes no price"),
        (ORDER | {"quantity": "0"}, "quantity\n.*greater than 0"),
        (ORDER | {"quantity": "-5"}, "quantity\n.*greater than 0"),
        (ORDER | {"price": "0.0000000001"}, "0.0000000001 has more than 9 decimals|1E-10 has more than 9 decimals"),
        (ORDER | {"price": "1000000000"}, "1000000000 is out of range"),
        (ORDER | {"price": "1e999999"}, "out of range"),
        (ORDER | {"price": "NaN"}, "finite number"),
        (ORDER | {"quantity": "Infinity"}, "finite number"),
        (ORDER | {"price": "ten"}, "price\n"),
        (ORDER | {"order_id": ""}, "order_id\n.*at least 1 character"),
        (ORDER | {"account_id": None}, "account_id\n"),
        (ORDER | {"side": "LONG"}, "side\n"),
        (ORDER | {"ts": -1}, "ts\n"),
        (ORDER | {"ts": 2**63}, "ts\n"),
        (ORDER | {"sied": "BUY"}, "sied\n.*not permitted"),
        (CANCEL | {"action": "UNKNOWN"}, "request c-1: action must be NEW, CANCEL, REPLACE or MASS_CANCEL"),
        (CANCEL | {"orig_order_id": None}, "request c-1: CANCEL needs orig_order_id"),
        (REPLACE | {"orig_order_id": None}, "request c-1: REPLACE needs orig_order_id"),
        (REPLACE | {"quantity": None}, "request c-1: REPLACE needs a new quantity, price or stop_price"),
    ],
)
def test_a_broken_rule_of_an_order_is_named(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        OrderRequestModel.model_validate(fields)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (CONTROL | {"actor": ""}, "actor\n.*at least 1 character"),
        (CONTROL | {"reason": ""}, "reason\n"),
        (CONTROL | {"opening_cash": "1e-19"}, "more than 18 decimals"),
        (CONTROL | {"opening_cash": "1e21"}, "out of range"),
        (CONTROL | {"limits": {"max_position": "many"}}, "limits\n.*max_position.limit: 'many' is refused"),
        (CONTROL | {"limits": {"max_positon": "5"}}, "limits\n.*max_positon is not a limit; there are message_rate"),
        (CONTROL | {"limits": {"max_position": {"sofd": "1"}}}, "limits\n.*max_position.sofd is not a parameter"),
        (CONTROL | {"limits": {"max_position": 0.1234567890123456}}, "limits\n.*write it as text"),
        (CONTROL | {"limits": {"leverage": None}}, "limits\n.*leverage can't be switched off"),
        (CONTROL | {"kind": "HALT"}, "kind\n"),
        (CONTROL | {"ts": 2**63}, "ts\n"),
    ],
)
def test_a_broken_rule_of_a_control_is_named(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        ControlModel.model_validate(fields)


@pytest.mark.parametrize(
    ("field", "value", "rule"),
    [
        (
            "opening_cash",
            "99999999999999999999",
            "is not from 0 to 1000000000000000, the most",
        ),
        ("opening_cash", "1e30", "give an amount from 0 to 1000000000000000"),
        ("opening_cash", "-1", "is not from 0 to 1000000000000000"),
        ("ts", TIME_MAX_NS + 1, "give UTC nanoseconds before the year 2200"),
        ("ts", -(2**63), "is not from 0"),
        ("account_id", "a" * (ID_CHARS_MAX + 1), "has 1001 characters; at most 1000 are taken"),
        ("reason", "r" * (TEXT_CHARS_MAX + 1), "has 10001 characters; at most 10000 are taken"),
        ("session_id", "s\n1", "has the control character U.000A at place 1; write it without"),
        ("instruments", ["S" * 999] * 11, "has 10999 characters"),
    ],
)
def test_a_command_out_of_bounds_is_refused_before_it_is_sent(field: str, value: object, rule: str) -> None:
    with pytest.raises(ValidationError, match=rule):
        ControlModel.model_validate(CONTROL | {field: value})


@pytest.mark.parametrize(
    ("field", "value"),
    [("ts", 2**63 - 1), ("expire_ts", -1), ("order_id", "o\x85"), ("symbol", "s" * 1_001), ("oco_group", "\x7f")],
)
def test_a_request_out_of_bounds_is_refused_before_it_is_sent(field: str, value: object) -> None:
    with pytest.raises(ValidationError, match=field):
        OrderRequestModel.model_validate(ORDER | {field: value})
