"""Which fields each order type takes, and what can't go together: tables, and one reader of them.

A combination that no row allows is refused with code ORDER_FORM and FIX tag 103 = 11, unsupported order characteristic.
"""

from collections.abc import Callable
from typing import NamedTuple

from schemas.records.enums import OffsetType, OrderType, TimeInForce
from schemas.records.messages import OrderRequest

NEEDS, TAKES, NO = "needs", "takes", "no"


class Form(NamedTuple):
    """What a type says of each price field."""

    price: str
    stop_price: str
    trailing_offset: str


FORMS: dict[OrderType, Form] = {
    OrderType.MARKET: Form(NO, NO, NO),
    OrderType.LIMIT: Form(NEEDS, NO, NO),
    OrderType.STOP: Form(NO, NEEDS, NO),
    OrderType.STOP_LIMIT: Form(NEEDS, NEEDS, NO),
    OrderType.TRAILING_STOP: Form(NO, TAKES, NEEDS),
    OrderType.MARKET_IF_TOUCHED: Form(NO, NEEDS, NO),
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


class Combination(NamedTuple):
    """What must not be: a condition, and the sentence that refuses it."""

    holds: Callable[[OrderRequest], bool]
    text: str


COMBINATIONS: tuple[Combination, ...] = (
    Combination(
        lambda r: r.time_in_force is TimeInForce.GTD and r.expire_ts is None, "time in force GTD needs expire_ts"
    ),
    Combination(
        lambda r: r.time_in_force is not TimeInForce.GTD and r.expire_ts is not None,
        "expire_ts goes with time in force GTD alone",
    ),
    Combination(
        lambda r: (r.trailing_offset is None) != (r.trailing_type is OffsetType.UNKNOWN),
        "trailing_offset and trailing_type (PRICE or PERCENT) go together",
    ),
    Combination(lambda r: r.trailing_offset is not None and r.trailing_offset <= 0, "trailing_offset must be above 0"),
    Combination(
        lambda r: (
            r.trailing_type is OffsetType.PERCENT and r.trailing_offset is not None and r.trailing_offset >= 100 * 10**9
        ),
        "trailing_offset in percent must be below 100",
    ),
    Combination(
        lambda r: r.post_only and r.order_type is not OrderType.LIMIT, "post_only goes with order type LIMIT alone"
    ),
    Combination(
        lambda r: r.post_only and r.time_in_force in _IMMEDIATE, "post_only can't go with time in force IOC or FOK"
    ),
    Combination(
        lambda r: r.display_quantity is not None and r.order_type is not OrderType.LIMIT,
        "display_quantity goes with order type LIMIT alone",
    ),
    Combination(
        lambda r: r.display_quantity is not None and r.time_in_force in _IMMEDIATE,
        "display_quantity can't go with time in force IOC or FOK",
    ),
    Combination(
        lambda r: r.display_quantity is not None and r.quantity is not None and not 0 < r.display_quantity < r.quantity,
        "display_quantity must be above 0 and below quantity",
    ),
    Combination(
        lambda r: r.parent_order_id is not None and r.time_in_force in _IMMEDIATE,
        "an order that waits for a parent can't have time in force IOC or FOK",
    ),
    Combination(lambda r: r.parent_order_id == r.order_id, "an order can't be its own parent"),
    Combination(
        lambda r: r.oco_group is not None and r.time_in_force in _IMMEDIATE,
        "an order of a group can't have time in force IOC or FOK",
    ),
)


def _is_plain(request: OrderRequest) -> bool:
    """Whether it is what most orders are, a market or limit order with nothing beside: the tables allow that."""
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
    """What of a NEW order's fields no table allows, as a sentence without subject; None where all is well."""
    if _is_plain(request):
        return None
    form = FORMS.get(request.order_type)
    if form is None:
        return f"order type {request.order_type} is not one of {', '.join(FORMS)}"
    for name, says in zip(Form._fields, form, strict=True):
        present = getattr(request, name) is not None
        if says == NEEDS and not present:
            return f"a {request.order_type} order needs {name}"
        if says == NO and present:
            return f"a {request.order_type} order takes no {name}"
    allowed = TIMES_IN_FORCE[request.order_type]
    if request.time_in_force not in allowed:
        return f"a {request.order_type} order takes time in force {', '.join(allowed)}, not {request.time_in_force}"
    return next((item.text for item in COMBINATIONS if item.holds(request)), None)
