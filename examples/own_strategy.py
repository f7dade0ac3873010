"""A strategy of your own: it buys after the market has fallen, and sells when it has risen again.

The same class trades live and is asked "what if" on any market that was recorded:

    ./paper session open --account mine --cash 100000
    ./paper strategy run examples.own_strategy:BuyDips --account mine --symbol ACME.SIM --quantity 10 --max-position 50
    ./paper replay run --run-id dip --with examples/own_strategy.yaml

It knows quotes and its own results, nothing else: no clock, no files, no chance. So the same market gives the same
orders.
"""

from collections.abc import Sequence

from schemas.records.enums import Side, TimeInForce
from schemas.records.messages import OrderRequest, OrderResult
from streams.strategies.strategy import Holding, Tick, Ticket

MOVE_BPS = 2
"""How far the middle must have moved since the last look."""


class BuyDips:
    """Prices, quantities and the position bound are whole numbers of 1e-9; every: quotes between two looks."""

    def __init__(self, ticket: Ticket, quantity: int, max_position: int, every: int) -> None:
        self._ticket = ticket
        self._quantity = quantity
        self._max_position = max_position
        self._every = every
        self._ticks = 0
        self._before: int | None = None
        self._holding = Holding()

    def on_tick(self, tick: Tick) -> Sequence[OrderRequest]:
        """Called with each quote that has both sides. The requests it gives are sent after the strategy's latency."""
        self._ticks += 1
        if self._ticks % self._every:
            return ()
        middle, before = tick.bid_px + tick.ask_px, self._before
        self._before = middle
        if before is None:
            return ()
        move = (middle - before) * 10_000
        held = self._holding.quantity
        if move <= -MOVE_BPS * before and held + self._quantity <= self._max_position:
            return (self._ticket.limit(Side.BUY, self._quantity, tick.ask_px, tick.ts, TimeInForce.IOC),)
        if move >= MOVE_BPS * before and held >= self._quantity:
            return (self._ticket.limit(Side.SELL, self._quantity, tick.bid_px, tick.ts, TimeInForce.IOC),)
        return ()

    def on_result(self, result: OrderResult) -> Sequence[OrderRequest]:
        """Called with each result of the account's requests: fills, refusals, cancels."""
        self._holding.note(result)
        return ()
