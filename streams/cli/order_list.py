"""The orders of accounts as their results tell them, for `paper orders list`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

from schemas.records.enums import ExecType
from schemas.records.numbers import NANOS_PER_S, price_text
from streams.serve.order_state import OrderState

if TYPE_CHECKING:
    from streams.pipeline.clients.read_topic import StampedRecord

SECONDS_SHOWN, MINUTES_SHOWN, HOURS_SHOWN = 100, 100 * 60, 48 * 3600
"""Ages up to which seconds, minutes and hours are shown."""


class ListedOrder(NamedTuple):
    """An order. since_ns: when Kafka took its first result, UTC nanoseconds."""

    state: OrderState
    session_id: str | None
    since_ns: int


def listed_orders(results: Iterable[StampedRecord], named: str | None) -> list[ListedOrder]:
    """Returns orders with their newest state, oldest first. named: an account or a session; None for all."""
    found: dict[tuple[str, str], ListedOrder] = {}
    for record in results:
        result = record.message
        if result.exec_type is ExecType.MASS_CANCEL or not result.order_id:
            continue
        if named is not None and named not in (result.account_id, result.session_id):
            continue
        key = (result.account_id, result.order_id)
        if key not in found:
            state = OrderState(result.order_id, result.account_id)
            found[key] = ListedOrder(state, result.session_id, record.timestamp_ns)
        found[key].state.take_result(result)
    # The refusal of a change names an order that never was.
    real = [order for order in found.values() if order.state.symbol]
    return sorted(real, key=lambda order: order.since_ns)


def chosen_orders(orders: list[ListedOrder], only_working: bool, recent: int) -> list[ListedOrder]:
    """Returns the newest orders, or the newest that are working. recent: how many; 0 for all."""
    chosen = [order for order in orders if not order.state.is_terminal] if only_working else orders
    return chosen[-recent:] if recent else chosen


def order_row(order: ListedOrder, now_ns: int) -> dict[str, Any]:
    """Returns an order as a row. age: since its first result, by the computer's clock."""
    state, age_s = order.state, max(now_ns - order.since_ns, 0) // NANOS_PER_S
    return {
        "account_id": state.account_id,
        "session_id": order.session_id,
        "order_id": state.order_id,
        "symbol": state.symbol,
        "side": state.side,
        "type": state.order_type,
        "quantity": _number(state.quantity),
        "price": _number(state.price),
        "stop_price": _number(state.stop_price),
        "filled": _number(state.cum_qty),
        "avg_px": _number(state.avg_px),
        "status": state.status,
        "age_s": age_s,
        "age": age_text(age_s),
    }


def age_text(seconds: int) -> str:
    """Returns an age in the unit that a person would choose: 40 s, 90 min, 30 h, 12 d."""
    if seconds < SECONDS_SHOWN:
        return f"{seconds} s"
    if seconds < MINUTES_SHOWN:
        return f"{seconds // 60} min"
    return f"{seconds // 3600} h" if seconds < HOURS_SHOWN else f"{seconds // 86_400} d"


def _number(fixed: int | None) -> str | None:
    return None if fixed is None else price_text(fixed)
