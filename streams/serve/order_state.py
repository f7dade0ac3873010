"""An order as its requests and results tell it."""

from __future__ import annotations

from dataclasses import dataclass, field

from schemas.records.enums import ExecType, OffsetType, OrderType, OrdStatus, Side, TimeInForce
from schemas.records.messages import OrderRequest, OrderResult


@dataclass(slots=True)
class Replacement:
    """A change of an order that the venue has made. request_id: the id of the request. ts: UTC nanoseconds.

    quantity, price, stop_price: those before the change.
    """

    request_id: str
    ts: int
    quantity: int | None
    price: int | None
    stop_price: int | None


def changes_order(result: OrderResult) -> bool:
    """Returns whether a result changes the order that it names. A refusal of another request leaves it as it was."""
    is_of_another_request = result.ord_status is OrdStatus.REJECTED and not result.terminal
    return result.exec_type is not ExecType.CANCEL_REJECT and not result.poss_resend and not is_of_another_request


@dataclass(slots=True)
class OrderState:
    """An order, with the newest of what is known. Prices and quantities: 1e-9; times: UTC nanoseconds, 0 if unknown.

    reason: the words of who refused it.
    """

    order_id: str
    account_id: str
    symbol: str = ""
    side: Side = Side.UNKNOWN
    order_type: OrderType = OrderType.UNKNOWN
    time_in_force: TimeInForce = TimeInForce.DAY
    quantity: int | None = None
    price: int | None = None
    stop_price: int | None = None
    trailing_offset: int | None = None
    trailing_type: OffsetType = OffsetType.UNKNOWN
    parent_order_id: str | None = None
    oco_group: str | None = None
    status: OrdStatus = OrdStatus.PENDING_NEW
    is_terminal: bool = False
    has_result: bool = False
    reason: str | None = None
    cum_qty: int = 0
    avg_px: int | None = None
    created_ns: int = 0
    updated_ns: int = 0
    replacements: list[Replacement] = field(default_factory=list)

    def take_request(self, request: OrderRequest, stamp_ns: int) -> None:
        """Takes the request of the order. stamp_ns: when Kafka took it."""
        self.symbol, self.side, self.order_type = request.symbol, request.side, request.order_type
        self.time_in_force = request.time_in_force
        self.trailing_offset, self.trailing_type = request.trailing_offset, request.trailing_type
        self.parent_order_id, self.oco_group = request.parent_order_id, request.oco_group
        if self.quantity is None:
            self.quantity, self.price, self.stop_price = request.quantity, request.price, request.stop_price
        self.created_ns = self.created_ns or request.ts or stamp_ns
        self.updated_ns = max(self.updated_ns, self.created_ns)

    def take_result(self, result: OrderResult) -> None:
        """Takes a result that changes the order."""
        if result.exec_type is ExecType.REPLACED and result.request_id:
            before = (self.quantity, self.price, self.stop_price)
            self.replacements.append(Replacement(result.request_id, result.ts, *before))
        self.symbol, self.side, self.order_type = result.symbol, result.side, result.order_type
        self.time_in_force = result.time_in_force
        self.quantity = result.order_qty if result.order_qty is not None else self.quantity
        self.price, self.stop_price = result.price, result.stop_price
        self.status, self.cum_qty, self.avg_px = result.ord_status, result.cum_qty, result.avg_px
        self.is_terminal, self.has_result = self.is_terminal or result.terminal, True
        self.reason = result.text or self.reason
        self.created_ns = self.created_ns or result.order_ts or result.ts
        self.updated_ns = max(self.updated_ns, result.ts)
