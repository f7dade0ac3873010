"""An order in Alpaca's form."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from schemas.records.enums import OffsetType, OrdStatus, Side
from schemas.records.numbers import NANOS_PER_S, plain, price_to_decimal
from streams.serve.account_view import AccountView
from streams.serve.alpaca.order_ids import asset_uuid, version_uuid
from streams.serve.order_legs import GROUP, STOP_LOSS, TAKE_PROFIT
from streams.serve.order_state import OrderState

STATUS = {
    OrdStatus.UNKNOWN: "pending_new",
    OrdStatus.PENDING_NEW: "pending_new",
    OrdStatus.NEW: "new",
    OrdStatus.PARTIALLY_FILLED: "partially_filled",
    OrdStatus.FILLED: "filled",
    OrdStatus.CANCELED: "canceled",
    OrdStatus.REJECTED: "rejected",
    OrdStatus.EXPIRED: "expired",
}
ENDED_AT = {"filled": "filled_at", "canceled": "canceled_at", "rejected": "failed_at", "expired": "expired_at"}


def number(value: int | None) -> str | None:
    """Returns a price or a quantity (1e-9) as text."""
    return None if value is None else plain(price_to_decimal(value))


def moment(time_ns: int) -> str:
    """Returns a time (UTC nanoseconds) in RFC 3339."""
    seconds, rest = divmod(time_ns, NANOS_PER_S)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest:09d}Z"


def asset_class(symbol: str) -> str:
    """Returns Alpaca's class of an instrument: a pair of currencies has a slash."""
    return "crypto" if "/" in symbol else "us_equity"


def order_json(
    account: AccountView, order: OrderState, version: int | None = None, nested: bool = True
) -> dict[str, Any]:
    """Returns a version of an order, the newest unless one is named. nested: with its legs."""
    newest = len(order.replacements)
    version = newest if version is None else version
    is_replaced = version < newest
    status = "replaced" if is_replaced else "held" if _is_held(account, order) else STATUS[order.status]
    quantity, price, stop_price = order.quantity, order.price, order.stop_price
    if is_replaced:
        after = order.replacements[version]
        quantity, price, stop_price = after.quantity, after.price, after.stop_price
    kind = order.order_type.lower()
    is_percent = order.trailing_type is OffsetType.PERCENT
    shown: dict[str, Any] = {
        "id": str(version_uuid(order, version)),
        "client_order_id": order.replacements[version - 1].request_id if version else order.order_id,
        "created_at": moment(order.replacements[version - 1].ts if version else order.created_ns),
        "updated_at": moment(order.updated_ns),
        "submitted_at": moment(order.created_ns),
        "filled_at": None,
        "expired_at": None,
        "canceled_at": None,
        "failed_at": None,
        "replaced_at": moment(order.replacements[version].ts) if is_replaced else None,
        "replaced_by": str(version_uuid(order, version + 1)) if is_replaced else None,
        "replaces": str(version_uuid(order, version - 1)) if version else None,
        "asset_id": str(asset_uuid(order.symbol)),
        "symbol": order.symbol,
        "asset_class": asset_class(order.symbol),
        "notional": None,
        "qty": number(quantity),
        "filled_qty": number(order.cum_qty),
        "filled_avg_price": number(order.avg_px) if order.cum_qty else None,
        "order_class": order_class(account, order),
        "order_type": kind,
        "type": kind,
        "side": "buy" if order.side is Side.BUY else "sell",
        "time_in_force": order.time_in_force.lower(),
        "limit_price": number(price),
        "stop_price": number(stop_price),
        "status": status,
        "extended_hours": False,
        "legs": None,
        "trail_percent": number(order.trailing_offset) if is_percent else None,
        "trail_price": number(order.trailing_offset) if not is_percent else None,
        "hwm": None,
    }
    if status in ENDED_AT:
        shown[ENDED_AT[status]] = moment(order.updated_ns)
    if nested:
        shown["legs"] = [order_json(account, leg, nested=False) for leg in legs(account, order)] or None
    return shown


def legs(account: AccountView, order: OrderState) -> list[OrderState]:
    """Returns the legs of an order."""
    ids = (order.order_id + TAKE_PROFIT, order.order_id + STOP_LOSS)
    return [leg for leg in map(account.orders.get, ids) if leg is not None and _is_leg(order, leg)]


def _is_leg(order: OrderState, leg: OrderState) -> bool:
    return leg.parent_order_id == order.order_id or leg.oco_group == order.order_id + GROUP


def order_class(account: AccountView, order: OrderState) -> str:
    """Returns Alpaca's class of an order, which its legs share."""
    base_id = order.order_id.removesuffix(TAKE_PROFIT).removesuffix(STOP_LOSS)
    base = account.orders.get(base_id, order)
    found = legs(account, base)
    if not found or (base is not order and order not in found):
        return "simple"
    if found[0].parent_order_id is None:
        return "oco"
    return "bracket" if found[0].oco_group else "oto"


def _is_held(account: AccountView, order: OrderState) -> bool:
    """Returns whether an order waits for the fill of its parent."""
    parent = account.orders.get(order.parent_order_id or "")
    is_open = not order.is_terminal and order.status in (OrdStatus.PENDING_NEW, OrdStatus.NEW)
    return is_open and parent is not None and parent.status is not OrdStatus.FILLED
