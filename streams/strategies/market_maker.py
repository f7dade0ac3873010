"""Market maker: keeps one passive order on each side of the market, and follows the touch by REPLACE."""

from collections.abc import Sequence
from dataclasses import dataclass

from schemas.records.enums import ExecType, Side
from schemas.records.messages import OrderRequest, OrderResult
from streams.strategies.paced_strategy import PacedStrategy
from streams.strategies.strategy import Tick, Ticket


@dataclass(slots=True)
class _WorkingOrder:
    """A working order; pending while one of its requests is not answered."""

    order_id: str
    price: int
    pending: bool = True


class MarketMaker(PacedStrategy):
    """A strategy that quotes both sides, except a side on which a fill would exceed max_position."""

    def __init__(self, ticket: Ticket, quantity: int, max_position: int, every: int) -> None:
        super().__init__(ticket, quantity, max_position, every)
        self._orders: dict[Side, _WorkingOrder] = {}

    def on_look(self, tick: Tick) -> Sequence[OrderRequest]:
        """See streams.strategies.paced_strategy.PacedStrategy."""
        prices = {Side.BUY: tick.bid_px, Side.SELL: tick.ask_px}
        requests = (self._quote(side, price, tick.ts) for side, price in prices.items())
        return [request for request in requests if request is not None]

    def _quote(self, side: Side, price: int, ts: int) -> OrderRequest | None:
        order = self._orders.get(side)
        if order is None:
            if not self.has_room(side):
                return None
            request = self.ticket.limit(side, self.quantity, price, ts)
            self._orders[side] = _WorkingOrder(request.order_id, price)
            return request
        if order.pending or order.price == price:
            return None
        order.pending, order.price = True, price
        return self.ticket.replace(order.order_id, price, ts)

    def on_result(self, result: OrderResult) -> Sequence[OrderRequest]:
        """Adds a fill to the position, and notes the state of the working order."""
        order = self._orders.get(result.side)
        if order is not None and order.order_id == result.order_id:
            if result.terminal:
                del self._orders[result.side]
            elif result.exec_type in (ExecType.NEW, ExecType.REPLACED, ExecType.CANCEL_REJECT):
                order.pending = False
        return super().on_result(result)
