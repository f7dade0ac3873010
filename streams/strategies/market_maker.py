"""Market maker: keeps one passive order on each side of the market and follows the touch by REPLACE."""

from collections.abc import Sequence
from dataclasses import dataclass

from schemas.records.enums import ExecType, Side
from schemas.records.messages import OrderRequest, OrderResult
from streams.strategies.strategy import Holding, Tick, Ticket


@dataclass(slots=True)
class _Quoted:
    """An own order: its price, and whether a request about it is on its way."""

    order_id: str
    price: int
    busy: bool = True


class MarketMaker:
    """quantity: of each order. max_position: no more on the side that would exceed it. every: ticks between looks."""

    def __init__(self, ticket: Ticket, quantity: int, max_position: int, every: int) -> None:
        self._ticket = ticket
        self._quantity = quantity
        self._max_position = max_position
        self._every = every
        self._ticks = 0
        self._holding = Holding()
        self._orders: dict[Side, _Quoted] = {}

    def on_tick(self, tick: Tick) -> Sequence[OrderRequest]:
        """See streams.strategies.strategy.Strategy."""
        self._ticks += 1
        if self._ticks % self._every:
            return ()
        wanted = {Side.BUY: tick.bid_px, Side.SELL: tick.ask_px}
        requests = (self._quote(side, price, tick.ts) for side, price in wanted.items())
        return [request for request in requests if request is not None]

    def _quote(self, side: Side, price: int, ts: int) -> OrderRequest | None:
        quoted = self._orders.get(side)
        if quoted is None:
            direction = 1 if side is Side.BUY else -1
            if direction * self._holding.quantity + self._quantity > self._max_position:
                return None
            request = self._ticket.limit(side, self._quantity, price, ts)
            self._orders[side] = _Quoted(request.order_id, price)
            return request
        if quoted.busy or quoted.price == price:
            return None
        quoted.busy, quoted.price = True, price
        return self._ticket.replace(quoted.order_id, price, ts)

    def on_result(self, result: OrderResult) -> Sequence[OrderRequest]:
        """See streams.strategies.strategy.Strategy."""
        self._holding.note(result)
        quoted = self._orders.get(result.side)
        if quoted is None or quoted.order_id != result.order_id:
            return ()
        if result.terminal:
            del self._orders[result.side]
        elif result.exec_type in (ExecType.NEW, ExecType.REPLACED, ExecType.CANCEL_REJECT):
            quoted.busy = False
        return ()
