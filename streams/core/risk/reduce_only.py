"""Reduce-only orders: how the account shard keeps the promise that none of them opens or turns a position.

The venue does not know positions, so the promise is kept when orders are approved: as long as a reduce-only order works
on a side, all orders of that side together can't execute more than there is to close. Of a group of which what one
executes the others can't, the largest counts. A child that waits counts against what its parent may still execute: it
becomes active only with what the parent executed.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from schemas.records.enums import Side
from schemas.records.messages import OrderRequest
from schemas.records.numbers import price_text

if TYPE_CHECKING:
    from streams.core.accounts.state.account import Account, WorkingOrder


def reduce_only_problem(account: Account, asked: OrderRequest, replaced: WorkingOrder | None) -> str | None:
    """Why an order can't be taken beside the reduce-only orders of its side, itself included; None where it can."""
    if not asked.reduce_only and not account.reduce_only_orders:
        return None
    orders = [order for order in account.orders_of(asked.symbol, asked.side) if order is not replaced]
    if not asked.reduce_only and not any(order.request.reduce_only for order in orders):
        return None
    assert asked.quantity is not None
    executed = replaced.cum_quantity if replaced else 0
    held = account.position_quantity(asked.symbol)
    closable = held if asked.side is Side.SELL else -held
    waits = replaced.waiting if replaced else asked.parent_order_id in account.working
    own = (asked.oco_group, asked.quantity - executed)
    now = _leaves([(o.request.oco_group, o.leaves) for o in orders if not o.waiting] + ([] if waits else [own]))
    if now > max(closable, 0):
        return _sentence(asked, now, closable)
    later = _leaves([*((o.request.oco_group, o.leaves) for o in orders), own])
    parents = {o.request.parent_order_id for o in orders if o.waiting} | ({asked.parent_order_id} if waits else set())
    coming = sum(account.working[name].leaves for name in parents if name in account.working)
    return _sentence(asked, later, closable + coming) if later > max(closable + coming, 0) else None


def _leaves(orders: Iterable[tuple[str | None, int]]) -> int:
    """Open quantity, of each group the largest."""
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
