"""An account's working orders of a symbol and side, and the best of their limit prices without looking at all."""

from __future__ import annotations

from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING

from schemas.records.enums import Side

if TYPE_CHECKING:
    from streams.core.accounts.state.account import WorkingOrder

DEAD_MAX = 64
"""Prices of orders that have gone that are kept beside as many as work before they are swept out."""


@dataclass(slots=True)
class SideOrders:
    """by_id: oldest first. leaves: what they can execute, of a group the largest, 1e-9 units."""

    by_id: dict[str, WorkingOrder] = field(default_factory=dict)
    leaves: int = 0
    _limits: list[tuple[int, str]] = field(default_factory=list)
    """Limit prices (negative for buys, so that the best comes first) and ids, also of orders that have gone."""

    def note_limit(self, order: WorkingOrder) -> None:
        """An order is new, or has another price."""
        if order.price is None:
            return
        heappush(self._limits, (_ranked(order.side, order.price), order.order_id))
        if len(self._limits) > 2 * len(self.by_id) + DEAD_MAX:
            self._limits = [entry for entry in self._limits if self._stands(entry)]
            heapify(self._limits)

    def best_limit(self) -> int | None:
        """The highest limit price of buys, the lowest of sells, 1e-9; None where no order has one."""
        while self._limits and not self._stands(self._limits[0]):
            heappop(self._limits)
        return self.by_id[self._limits[0][1]].price if self._limits else None

    def _stands(self, entry: tuple[int, str]) -> bool:
        order = self.by_id.get(entry[1])
        return order is not None and order.price is not None and _ranked(order.side, order.price) == entry[0]


def _ranked(side: Side, price: int) -> int:
    return -price if side is Side.BUY else price
