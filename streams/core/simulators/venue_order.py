"""An order at the simulated venue."""

from typing import Any, Self

from schemas.records.enums import OrderType, OrdStatus, Side
from schemas.records.from_list import record_of
from schemas.records.messages import ApprovedOrder
from schemas.records.numbers import divide_half_even

OrderKey = tuple[str, str]
"""account_id and order_id."""

TRIGGERED_TYPES = frozenset(
    {OrderType.STOP, OrderType.STOP_LIMIT, OrderType.TRAILING_STOP, OrderType.MARKET_IF_TOUCHED}
)


class VenueOrder:
    """Quantities: 1e-9 units; prices: 1e-9; notionals: 1e-18; times: UTC nanoseconds."""

    request: ApprovedOrder
    quantity: int
    price: int | None
    stop_price: int | None
    cum_quantity: int = 0
    notional: int = 0
    status: OrdStatus = OrdStatus.PENDING_NEW
    expires_ns: int | None = None
    resting: bool = False
    """True once the order has stood in the book: what it then trades adds liquidity."""
    triggered: bool = True
    """False while a stop or a touch price is waited for."""
    waiting: bool = False
    """True while the parent order has not traded."""
    arrival_px: int | None = None
    """Middle of the market when the order arrived."""
    latency_ns: int | None
    """How long it took to arrive."""
    queue_entry: int | None = None
    """Displayed size that stood before the order when it joined its price; None where that can't be seen."""
    queue_ahead: int | None = None
    """What of it is still there."""
    level_size: int | None = None
    """Displayed size at the price when it was seen last."""
    level_traded: int = 0
    """What has traded at the price since."""
    slice_left: int | None = None
    """What an iceberg shows; None where the whole order is shown."""
    impact_ts: int = 0
    """Source time of the book beyond which the order has traded."""
    added_quantity: int = 0
    added_notional: int = 0
    """Of the executed: what added liquidity."""
    fee: int = 0
    """What was charged so far, 1e-18."""
    fills: int = 0
    place: int = 0
    """Time priority among the working orders; given anew after a restart."""

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
        """Open quantity, 1e-9 units."""
        return self.quantity - self.cum_quantity

    @property
    def displayed(self) -> int:
        """What of it the book shows: of an iceberg the slice."""
        return self.leaves if self.slice_left is None else min(self.slice_left, self.leaves)

    @property
    def is_active(self) -> bool:
        """Whether it may trade: neither its trigger nor its parent is waited for."""
        return self.triggered and not self.waiting

    @property
    def average_price(self) -> int | None:
        """Average fill price rounded half even to 1e-9; None before the first fill."""
        return divide_half_even(self.notional, self.cum_quantity) if self.cum_quantity else None

    def marketable_at(self, opposite: int | None) -> bool:
        """Whether the order may trade at a price of the opposite side (1e-9)."""
        if opposite is None:
            return False
        if self.price is None:
            return True
        return opposite <= self.price if self.buying else opposite >= self.price

    def to_state(self) -> list[Any]:
        """JSON-able form."""
        return [list(self.request), *(getattr(self, name) for name in _STATE)]

    @classmethod
    def from_state(cls, state: list[Any]) -> Self:
        """The order that to_state described."""
        fields = dict(zip(_STATE, state[1:], strict=True))
        order = cls(record_of(ApprovedOrder, state[0]), fields["quantity"], fields["price"])
        for name, value in (fields | {"status": OrdStatus(fields["status"])}).items():
            setattr(order, name, value)
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
    "queue_ahead",
    "level_size",
    "level_traded",
    "slice_left",
    "impact_ts",
    "added_quantity",
    "added_notional",
    "fee",
    "fills",
)
"""All but the request and its place. Written out: compiled code keeps no annotation to find them by."""
