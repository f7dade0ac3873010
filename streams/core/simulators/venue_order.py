"""An order at the simulated venue, with its executions and its place in the queue."""

from typing import Any, Self

from schemas.records.bounds import as_price
from schemas.records.enums import OrderType, OrdStatus, Side
from schemas.records.from_list import record_from_list
from schemas.records.messages import ApprovedOrder
from schemas.records.numbers import divide_half_even
from streams.core.simulators.queue_place import QueuePlace

OrderKey = tuple[str, str]
"""account_id and order_id."""

TRIGGERED_TYPES = frozenset(
    {OrderType.STOP, OrderType.STOP_LIMIT, OrderType.TRAILING_STOP, OrderType.MARKET_IF_TOUCHED}
)


class VenueOrder:
    """An order at the venue. Quantities: 1e-9 units; prices: 1e-9; notionals: quantity * price, 1e-18; times: ns."""

    request: ApprovedOrder
    quantity: int
    price: int | None
    stop_price: int | None
    cum_quantity: int = 0
    notional: int = 0
    status: OrdStatus = OrdStatus.PENDING_NEW
    expires_ns: int | None = None
    resting: bool = False
    """True once the order stands in the book; its fills then add liquidity."""
    triggered: bool = True
    """False while the order waits for its stop or touch price."""
    waiting: bool = False
    """True while the order waits for the end of its parent order."""
    arrival_px: int | None = None
    """Mid price of the market at the order's arrival."""
    latency_ns: int | None
    """Time from sending to arrival at the venue."""
    queue_entry: int | None = None
    """Displayed size ahead of the order when it joined its price; None if it is not visible."""
    queue: QueuePlace | None = None
    """Place in the queue at the order's price, which other orders may share; None if none is kept."""
    slice_left: int | None = None
    """Displayed slice of an iceberg; None if the whole order is displayed."""
    impact_ts: int = 0
    """Source time of the book beyond which the order has traded last."""
    added_quantity: int = 0
    added_notional: int = 0
    """Part of cum_quantity and notional that added liquidity."""
    fee: int = 0
    """Fee charged so far, 1e-18."""
    fills: int = 0
    told_waiting: bool = False
    """True once a report has said that the order waits for liquidity."""
    place: int = 0
    """Time priority among the working orders; not in the state, a restart numbers the orders again."""

    def __init__(
        self,
        request: ApprovedOrder,
        quantity: int,
        price: int | None,
        stop_price: int | None = None,
        latency_ns: int | None = None,
    ) -> None:
        self.request, self.quantity, self.price, self.stop_price = request, quantity, price, stop_price
        self.latency_ns = latency_ns
        self.key: OrderKey = (request.account_id, request.order_id)
        """Identity at the venue."""
        self.buying = request.side is Side.BUY

    @property
    def leaves(self) -> int:
        """Open quantity, 1e-9 units (FIX tag 151)."""
        return self.quantity - self.cum_quantity

    @property
    def queue_ahead(self) -> int | None:
        """Part of queue_entry that is still ahead of the order, 1e-9 units."""
        return None if self.queue is None else self.queue.ahead

    @property
    def displayed(self) -> int:
        """Quantity that the book displays: the whole open quantity, or the slice of an iceberg."""
        return self.leaves if self.slice_left is None else min(self.slice_left, self.leaves)

    @property
    def is_active(self) -> bool:
        """True if the order waits neither for its trigger nor for its parent."""
        return self.triggered and not self.waiting

    @property
    def average_price(self) -> int | None:
        """Average fill price, rounded half to even to 1e-9 and cut at PRICE_MAX; None before the first fill."""
        return as_price(divide_half_even(self.notional, self.cum_quantity)) if self.cum_quantity else None

    def marketable_at(self, opposite: int | None) -> bool:
        """Returns whether the order may trade at a price of the opposite side (1e-9)."""
        if opposite is None:
            return False
        if self.price is None:
            return True
        return opposite <= self.price if self.buying else opposite >= self.price

    def to_state(self) -> list[Any]:
        """Returns the order as JSON values."""
        fields = [getattr(self, name) for name in _STATE]
        place = self.queue or QueuePlace()
        fields[_QUEUE:_QUEUE] = (place.ahead, place.shown, place.traded)
        return [list(self.request), *fields]

    @classmethod
    def from_state(cls, state: list[Any]) -> Self:
        """Restores an order from to_state."""
        numbers = state[1:]
        place = numbers[_QUEUE : _QUEUE + _QUEUE_FIELDS]
        fields = dict(zip(_STATE, numbers[:_QUEUE] + numbers[_QUEUE + _QUEUE_FIELDS :], strict=False))
        order = cls(record_from_list(ApprovedOrder, state[0]), fields["quantity"], fields["price"])
        for name, value in (fields | {"status": OrdStatus(fields["status"])}).items():
            setattr(order, name, value)
        order.queue = QueuePlace(*place)
        return order


_STATE = (
    "quantity",
    "price",
    "stop_price",
    "cum_quantity",
    "notional",
    "status",
    "expires_ns",
    "resting",
    "triggered",
    "waiting",
    "arrival_px",
    "latency_ns",
    "queue_entry",
    "slice_left",
    "impact_ts",
    "added_quantity",
    "added_notional",
    "fee",
    "fills",
    "told_waiting",
)
"""The plain attributes in the state. Listed by hand, because compiled classes keep no annotations.

States of earlier versions lack the last ones.
"""
_QUEUE, _QUEUE_FIELDS = _STATE.index("slice_left"), 3
"""The first of the three numbers of the place in the queue, and how many they are."""
