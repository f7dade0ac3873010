"""Working orders of an account, and the orders of one symbol and side with their best limit price."""

from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush
from typing import Any, Self

from schemas.records.enums import OrderType, OrdStatus, Side
from schemas.records.from_list import record_from_list
from schemas.records.messages import OrderRequest

ACTIVE_ON_ARRIVAL = (OrderType.LIMIT, OrderType.MARKET)
"""Order types without a stop price."""
STALE_LIMITS_MAX = 64
"""Entries of orders that have ended, kept in the heap of prices beside one for each working order."""


class WorkingOrder:
    """An approved order without a terminal result.

    request: the client's own. quantity, cum_quantity: 1e-9 units. replace_quantity: total quantity of a replace that
    the venue has not answered; until then the larger of the two counts against the limits. waiting: its parent has not
    executed. triggered: the market has reached its stop price.
    """

    __slots__ = (
        "cum_quantity",
        "price",
        "quantity",
        "replace_quantity",
        "request",
        "status",
        "stop_price",
        "triggered",
        "waiting",
    )

    def __init__(
        self,
        request: OrderRequest,
        quantity: int,
        price: int | None,
        stop_price: int | None = None,
        cum_quantity: int = 0,
        status: OrdStatus = OrdStatus.PENDING_NEW,
        replace_quantity: int | None = None,
        waiting: bool = False,
        triggered: bool = False,
    ) -> None:
        self.request = request
        self.quantity = quantity
        self.price = price
        self.stop_price = stop_price
        self.cum_quantity = cum_quantity
        self.status = status
        self.replace_quantity = replace_quantity
        self.waiting = waiting
        self.triggered = triggered

    @property
    def order_id(self) -> str:
        """Id within the account."""
        return self.request.order_id

    @property
    def symbol(self) -> str:
        """Instrument."""
        return self.request.symbol

    @property
    def side(self) -> Side:
        """FIX tag 54."""
        return self.request.side

    @property
    def leaves(self) -> int:
        """Quantity that may still execute, 1e-9 units."""
        return max(self.quantity, self.replace_quantity or 0) - self.cum_quantity

    @property
    def is_active(self) -> bool:
        """The order may trade now: it waits neither for a parent nor for its stop price."""
        return not self.waiting and (self.triggered or self.request.order_type in ACTIVE_ON_ARRIVAL)

    def to_state(self) -> list[Any]:
        """Returns the order as a JSON-able list, in the order of the constructor's arguments."""
        return [
            list(self.request),
            self.quantity,
            self.price,
            self.stop_price,
            self.cum_quantity,
            self.status,
            self.replace_quantity,
            self.waiting,
            self.triggered,
        ]

    @classmethod
    def from_state(cls, state: list[Any]) -> Self:
        """Returns the order that to_state described."""
        request, quantity, price, stop_price, cum_quantity, status, *rest = state
        order = record_from_list(OrderRequest, request)
        return cls(order, quantity, price, stop_price, cum_quantity, OrdStatus(status), *rest)


@dataclass(slots=True)
class SideOrders:
    """The working orders of one symbol and side.

    by_id: oldest first. leaves: the quantity that they can execute, 1e-9 units; a group counts with its largest order.
    """

    by_id: dict[str, WorkingOrder] = field(default_factory=dict)
    leaves: int = 0
    _limits: list[tuple[int, str]] = field(default_factory=list)
    """A heap of limit prices (negative for buys, so that the best comes first) with order ids, some of them stale."""

    def note_limit(self, order: WorkingOrder) -> None:
        """Takes in the limit price of an order that is new or has another price."""
        if order.price is None:
            return
        heappush(self._limits, (_rank(order.side, order.price), order.order_id))
        if len(self._limits) > 2 * len(self.by_id) + STALE_LIMITS_MAX:
            self._limits = [entry for entry in self._limits if self._is_current(entry)]
            heapify(self._limits)

    def best_limit(self) -> int | None:
        """Returns the highest limit price of buys, the lowest of sells, 1e-9; None if no order has one."""
        while self._limits and not self._is_current(self._limits[0]):
            heappop(self._limits)
        return self.by_id[self._limits[0][1]].price if self._limits else None

    def _is_current(self, entry: tuple[int, str]) -> bool:
        order = self.by_id.get(entry[1])
        return order is not None and order.price is not None and _rank(order.side, order.price) == entry[0]


def _rank(side: Side, price: int) -> int:
    return -price if side is Side.BUY else price
