"""The order ticket of the desk: the fields of a form as those of an order and of its legs."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from schemas.records.enums import OrderType
from schemas.records.numbers import NotRepresentable, to_price
from schemas.records.order_rules import FORMS, NEEDS, NO, TIMES_IN_FORCE, OrderForm
from streams.serve.order_legs import ORDER_CLASSES, LegPrices, LegsProblem, with_legs
from streams.serve.service_problem import broken_rule

TYPES = ("LIMIT", "MARKET", "STOP", "STOP_LIMIT", "TRAILING_STOP", "MARKET_IF_TOUCHED")
CLASSES = dict(zip(ORDER_CLASSES, ("single", "bracket", "one cancels other", "one triggers other"), strict=True))
"""The classes of orders by their names on the ticket."""
USED_BY = {
    name: tuple(kind for kind in TYPES if getattr(FORMS[OrderType(kind)], name) != NO) for name in OrderForm._fields
}
"""The types of orders that use a price field."""
TIMES = {
    time: tuple(kind for kind in TYPES if time in TIMES_IN_FORCE[OrderType(kind)])
    for time in ("DAY", "GTC", "GTD", "IOC", "FOK")
}
"""The types of orders that have a time in force."""
NUMBERS = {
    "quantity": "quantity",
    "price": "limit price",
    "stop_price": "trigger price",
    "trailing_offset": "trail",
    "display_quantity": "shown quantity",
}
"""The fields of an order that are numbers, by their labels."""
LEGS = {"take_profit": "take profit", "stop_loss": "stop loss trigger", "stop_loss_limit": "stop loss limit"}
NAMES = ("order_id", "symbol", "side", "time_in_force", "order_type", "trailing_type")
FLAGS = ("post_only", "reduce_only")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def ticket_orders(form: Mapping[str, str]) -> list[dict[str, Any]]:
    """Returns the fields of the ticket's order and of its legs. Raises ServiceProblem, which names the wrong field."""
    order_class = _order_class(form)
    order: dict[str, Any] = {name: form[name] for name in NAMES if form.get(name)}
    order |= _numbers(form, NUMBERS)
    order |= {name: True for name in FLAGS if form.get(name) == "on"}
    _demand_present(order, "quantity", "an order")
    if order_class != "oco":
        _demand_type_fields(order)
    expires = form.get("expires", "").strip()
    if expires:
        order["expire_ts"] = _time_ns(expires)
    elif order.get("time_in_force") == "GTD":
        raise broken_rule("expires is missing; an order with time in force GTD needs it")
    try:
        return with_legs(order_class, order, LegPrices(**_numbers(form, LEGS)))
    except LegsProblem as problem:
        raise broken_rule(str(problem).replace("_", " ")) from problem


def _order_class(form: Mapping[str, str]) -> str:
    found = form.get("order_class") or "simple"
    if found not in CLASSES:
        raise broken_rule(f"class {found!r} is not one of {', '.join(CLASSES)}")
    return found


def _demand_type_fields(order: Mapping[str, Any]) -> None:
    kind = order.get("order_type", "")
    if kind not in TYPES:
        raise broken_rule(f"type {kind!r} is not one of {', '.join(TYPES)}")
    for name, says in zip(OrderForm._fields, FORMS[OrderType(kind)], strict=True):
        if says == NEEDS:
            _demand_present(order, name, f"a {kind.lower().replace('_', ' ')} order")


def _demand_present(order: Mapping[str, Any], name: str, needing: str) -> None:
    if name not in order:
        raise broken_rule(f"{NUMBERS[name]} is missing; {needing} needs it")


def _numbers(form: Mapping[str, str], labels: Mapping[str, str]) -> dict[str, Decimal]:
    """Returns the numbers of the fields that are filled in."""
    return {name: _number(label, text) for name, label in labels.items() if (text := form.get(name, "").strip())}


def _number(label: str, text: str) -> Decimal:
    try:
        number = Decimal(text)
        to_price(number)
    except InvalidOperation:
        raise broken_rule(f"{label} {text!r} is not a number; write it like 12.5") from None
    except NotRepresentable as error:
        raise broken_rule(f"{label}: {error}") from error
    return number


def _time_ns(text: str) -> int:
    """Returns a time in ISO 8601 as UTC nanoseconds."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise broken_rule(f"expires {text!r} is not a time with its zone; write it like 2026-03-31T16:00:00Z")
    return (moment - EPOCH) // timedelta(microseconds=1) * 1_000
