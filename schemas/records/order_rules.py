"""The rules of new orders: the fields that each order type takes, and the combinations that are forbidden.

A request that breaks a rule is refused with code ORDER_FORM and FIX tag 103 = 11, unsupported order characteristic.
"""

from collections.abc import Callable
from typing import NamedTuple

from schemas.records.enums import OffsetType, OrderType, TimeInForce
from schemas.records.messages import OrderRequest

NEEDS, TAKES, NO = "needs", "takes", "no"


class OrderForm(NamedTuple):
    """The price fields of an order type: each is needed, taken or not taken."""

    price: str
    stop_price: str
    trailing_offset: str


FORMS: dict[OrderType, OrderForm] = {
    OrderType.MARKET: OrderForm(NO, NO, NO),
    OrderType.LIMIT: OrderForm(NEEDS, NO, NO),
    OrderType.STOP: OrderForm(NO, NEEDS, NO),
    OrderType.STOP_LIMIT: OrderForm(NEEDS, NEEDS, NO),
    OrderType.TRAILING_STOP: OrderForm(NO, TAKES, NEEDS),
    OrderType.MARKET_IF_TOUCHED: OrderForm(NO, NEEDS, NO),
}

_LASTING = (TimeInForce.DAY, TimeInForce.GTC, TimeInForce.GTD)
_IMMEDIATE = (TimeInForce.IOC, TimeInForce.FOK)
_PLAIN_TIMES = (TimeInForce.DAY, TimeInForce.GTC, *_IMMEDIATE)
TIMES_IN_FORCE: dict[OrderType, tuple[TimeInForce, ...]] = {
    OrderType.MARKET: _LASTING + _IMMEDIATE,
    OrderType.LIMIT: _LASTING + _IMMEDIATE,
    OrderType.STOP: _LASTING,
    OrderType.STOP_LIMIT: _LASTING,
    OrderType.TRAILING_STOP: _LASTING,
    OrderType.MARKET_IF_TOUCHED: _LASTING,
}


class ForbiddenCombination(NamedTuple):
    """A forbidden combination of fields: a condition, and the sentence that refuses it."""

    holds: Callable[[OrderRequest], bool]
    text: str


FORBIDDEN_COMBINATIONS: tuple[ForbiddenCombination, ...] = (
    ForbiddenCombination(
        lambda r: r.time_in_force is TimeInForce.GTD and r.expire_ts is None, "time in force GTD needs expire_ts"
    ),
    ForbiddenCombination(
        lambda r: r.time_in_force is not TimeInForce.GTD and r.expire_ts is not None,
        "expire_ts goes with time in force GTD alone",
    ),
    ForbiddenCombination(
        lambda r: (r.trailing_offset is None) != (r.trailing_type is OffsetType.UNKNOWN),
        "trailing_offset and trailing_type (PRICE or PERCENT) go together",
    ),
    ForbiddenCombination(
        lambda r: r.trailing_offset is not None and r.trailing_offset <= 0, "trailing_offset must be above 0"
    ),
    ForbiddenCombination(
        lambda r: (
            r.trailing_type is OffsetType.PERCENT and r.trailing_offset is not None and r.trailing_offset >= 100 * 10**9
        ),
        "trailing_offset in percent must be below 100",
    ),
    ForbiddenCombination(
        lambda r: r.post_only and r.order_type is not OrderType.LIMIT, "post_only goes with order type LIMIT alone"
    ),
    ForbiddenCombination(
        lambda r: r.post_only and r.time_in_force in _IMMEDIATE, "post_only can't go with time in force IOC or FOK"
    ),
    ForbiddenCombination(
        lambda r: r.display_quantity is not None and r.order_type is not OrderType.LIMIT,
        "display_quantity goes with order type LIMIT alone",
    ),
    ForbiddenCombination(
        lambda r: r.display_quantity is not None and r.time_in_force in _IMMEDIATE,
        "display_quantity can't go with time in force IOC or FOK",
    ),
    ForbiddenCombination(
        lambda r: r.display_quantity is not None and r.quantity is not None and not 0 < r.display_quantity < r.quantity,
        "display_quantity must be above 0 and below quantity",
    ),
    ForbiddenCombination(
        lambda r: r.parent_order_id is not None and r.time_in_force in _IMMEDIATE,
        "an order that waits for a parent can't have time in force IOC or FOK",
    ),
    ForbiddenCombination(lambda r: r.parent_order_id == r.order_id, "an order can't be its own parent"),
    ForbiddenCombination(
        lambda r: r.oco_group is not None and r.time_in_force in _IMMEDIATE,
        "an order of a group can't have time in force IOC or FOK",
    ),
)


def _is_plain(request: OrderRequest) -> bool:
    """Returns whether a request is a plain market or limit order, which the tables always allow."""
    kind = request.order_type
    return (
        (request.price is not None if kind is OrderType.LIMIT else kind is OrderType.MARKET and request.price is None)
        and request.time_in_force in _PLAIN_TIMES
        and request.stop_price is None
        and request.trailing_offset is None
        and request.trailing_type is OffsetType.UNKNOWN
        and request.expire_ts is None
        and not request.post_only
        and request.display_quantity is None
        and request.parent_order_id is None
        and request.oco_group is None
    )


def form_problem(request: OrderRequest) -> str | None:
    """Returns the rule that a new order breaks, as a sentence; None if it breaks none."""
    if _is_plain(request):
        return None
    form = FORMS.get(request.order_type)
    if form is None:
        return f"order type {request.order_type} is not one of {', '.join(FORMS)}"
    for name, says in zip(OrderForm._fields, form, strict=True):
        present = getattr(request, name) is not None
        if says == NEEDS and not present:
            return f"a {request.order_type} order needs {name}"
        if says == NO and present:
            return f"a {request.order_type} order takes no {name}"
    allowed = TIMES_IN_FORCE[request.order_type]
    if request.time_in_force not in allowed:
        return f"a {request.order_type} order takes time in force {', '.join(allowed)}, not {request.time_in_force}"
    return next((item.text for item in FORBIDDEN_COMBINATIONS if item.holds(request)), None)
