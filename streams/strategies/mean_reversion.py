"""Mean reversion: bids below and offers above a slow average of the middle, and cancels what has waited too long."""

from collections.abc import Sequence

from schemas.records.enums import Side
from schemas.records.messages import OrderRequest, OrderResult
from streams.strategies.strategy import Holding, Tick, Ticket

AVERAGE_SHARE = 64
"""The average follows the middle by one part in so many at each look."""


class MeanReversion:
    """quantity: of each order. max_position: bound of the own position. every: ticks between looks at the market."""

    def __init__(self, ticket: Ticket, quantity: int, max_position: int, every: int) -> None:
        self._ticket = ticket
        self._quantity = quantity
        self._max_position = max_position
        self._every = every
        self._ticks = 0
        self._average: int | None = None
        self._holding = Holding()
        self._working: str | None = None

    def on_tick(self, tick: Tick) -> Sequence[OrderRequest]:
        """See streams.strategies.strategy.Strategy."""
        self._ticks += 1
        if self._ticks % self._every:
            return ()
        middle = (tick.bid_px + tick.ask_px) // 2
        average = middle if self._average is None else self._average
        self._average = average + (middle - average) // AVERAGE_SHARE
        if self._working is not None:
            order_id, self._working = self._working, None
            return (self._ticket.cancel(order_id, tick.ts),)
        side = Side.BUY if middle < average else Side.SELL
        direction = 1 if side is Side.BUY else -1
        if middle == average or direction * self._holding.quantity + self._quantity > self._max_position:
            return ()
        price = tick.bid_px if side is Side.BUY else tick.ask_px
        request = self._ticket.limit(side, self._quantity, price, tick.ts)
        self._working = request.order_id
        return (request,)

    def on_result(self, result: OrderResult) -> Sequence[OrderRequest]:
        """See streams.strategies.strategy.Strategy."""
        self._holding.note(result)
        if result.terminal and result.order_id == self._working:
            self._working = None
        return ()
