"""Momentum: takes the offered side after the middle has moved by some ticks, and turns around when it moves back."""

from collections.abc import Sequence

from schemas.records.enums import Side, TimeInForce
from schemas.records.messages import OrderRequest, OrderResult
from streams.strategies.strategy import Holding, Tick, Ticket


class Momentum:
    """quantity: of each order. max_position: bound of the own position. every: ticks between looks at the market."""

    def __init__(self, ticket: Ticket, quantity: int, max_position: int, every: int) -> None:
        self._ticket = ticket
        self._quantity = quantity
        self._max_position = max_position
        self._every = every
        self._ticks = 0
        self._doubled_middle: int | None = None
        self._holding = Holding()

    def on_tick(self, tick: Tick) -> Sequence[OrderRequest]:
        """See streams.strategies.strategy.Strategy."""
        self._ticks += 1
        if self._ticks % self._every:
            return ()
        middle = tick.bid_px + tick.ask_px
        before, self._doubled_middle = self._doubled_middle, middle
        if before is None or middle == before:
            return ()
        side = Side.BUY if middle > before else Side.SELL
        direction = 1 if side is Side.BUY else -1
        if direction * self._holding.quantity + self._quantity > self._max_position:
            return ()
        price = tick.ask_px if side is Side.BUY else tick.bid_px
        return (self._ticket.limit(side, self._quantity, price, tick.ts, TimeInForce.IOC),)

    def on_result(self, result: OrderResult) -> Sequence[OrderRequest]:
        """See streams.strategies.strategy.Strategy."""
        self._holding.note(result)
        return ()
