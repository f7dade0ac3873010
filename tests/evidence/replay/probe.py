"""A strategy for tests: it reacts to everything that it sees, and keeps what it saw."""

from __future__ import annotations

from collections.abc import Sequence

from schemas.records.enums import Side, TimeInForce
from schemas.records.messages import OrderRequest, OrderResult
from streams.strategies.strategy import Tick, Ticket


class Probe:
    """A probe. seen: quotes and results of the newest probe in order; upon_ns: market time that a request answers."""

    newest: Probe

    def __init__(self, ticket: Ticket, quantity: int, max_position: int, every: int) -> None:
        Probe.newest = self
        self.seen: list[Tick | OrderResult] = []
        self.upon_ns: dict[str, int] = {}
        self._ticket, self._quantity, self._every = ticket, quantity, every
        self._working: str | None = None

    def on_tick(self, tick: Tick) -> Sequence[OrderRequest]:
        """Buys, sells, and changes or cancels working orders, in turn."""
        self.seen.append(tick)
        turn, rest = divmod(len(self.seen), self._every)
        if rest:
            return ()
        side, price = ((Side.BUY, tick.bid_px), (Side.SELL, tick.ask_px))[turn % 2]
        if self._working is None or turn % 5 == 0:
            order = self._ticket.limit(side, self._quantity, price, tick.ts)
            self._working = order.order_id
            return self._noted(tick.ts, order, self._ticket.market(side, self._quantity, tick.ts))
        if turn % 5 == 1:
            return self._noted(tick.ts, self._ticket.cancel(self._working, tick.ts))
        return self._noted(tick.ts, self._ticket.replace(self._working, price, tick.ts))

    def on_result(self, result: OrderResult) -> Sequence[OrderRequest]:
        """Takes the other side of every third fill."""
        self.seen.append(result)
        if result.terminal and result.order_id == self._working:
            self._working = None
        if result.last_qty is None or len(self.seen) % 3:
            return ()
        side = Side.SELL if result.side is Side.BUY else Side.BUY
        price = result.last_px or 0
        return self._noted(result.ts, self._ticket.limit(side, result.last_qty, price, result.ts, TimeInForce.IOC))

    def _noted(self, upon_ns: int, *requests: OrderRequest) -> Sequence[OrderRequest]:
        for request in requests:
            self.upon_ns[request.order_id] = upon_ns
        return requests
