"""Reduce-only orders: no reduce-only order opens or turns a position.

The venue does not know positions, so the account shard keeps this promise when it approves orders: while a reduce-only
order works on a side, all orders of that side together can't execute more than there is to close. An OCO group counts
with its largest order. A waiting child counts against the quantity that its parent may still execute, because it
becomes active only with the quantity that the parent executed.
"""

from __future__ import annotations

from collections.abc import Iterable

from schemas.records.enums import Side
from schemas.records.messages import OrderRequest
from schemas.records.numbers import price_text
from streams.core.ledger.ledger import Ledger
from streams.core.ledger.working_order import WorkingOrder


def reduce_only_problem(ledger: Ledger, asked: OrderRequest, replaced: WorkingOrder | None) -> str | None:
    """Returns the objection to an order beside the reduce-only orders of its side, itself included, or None."""
    if not asked.reduce_only and not ledger.reduce_only_orders:
        return None
    orders = [order for order in ledger.orders_of(asked.symbol, asked.side) if order is not replaced]
    if not asked.reduce_only and not any(order.request.reduce_only for order in orders):
        return None
    assert asked.quantity is not None
    executed = replaced.cum_quantity if replaced else 0
    held = ledger.position_quantity(asked.symbol)
    closable = held if asked.side is Side.SELL else -held
    waits = replaced.waiting if replaced else asked.parent_order_id in ledger.working
    own = (asked.oco_group, asked.quantity - executed)
    now = _leaves([(o.request.oco_group, o.leaves) for o in orders if not o.waiting] + ([] if waits else [own]))
    if now > max(closable, 0):
        return _sentence(asked, now, closable)
    later = _leaves([*((o.request.oco_group, o.leaves) for o in orders), own])
    parents = {o.request.parent_order_id for o in orders if o.waiting} | ({asked.parent_order_id} if waits else set())
    coming = sum(ledger.working[name].leaves for name in parents if name in ledger.working)
    return _sentence(asked, later, closable + coming) if later > max(closable + coming, 0) else None


def _leaves(orders: Iterable[tuple[str | None, int]]) -> int:
    """Returns the open quantity of orders; a group counts with its largest."""
    alone, groups = 0, dict[str, int]()
    for group, leaves in orders:
        if group is None:
            alone += leaves
        else:
            groups[group] = max(groups.get(group, 0), leaves)
    return alone + sum(groups.values())


def _sentence(asked: OrderRequest, leaves: int, closable: int) -> str:
    return (
        f"with it {asked.side} orders in {asked.symbol} could execute {price_text(leaves)}, while there is "
        f"{price_text(max(closable, 0))} to close and a reduce-only order among them; "
        "put alternatives into one oco_group"
    )
