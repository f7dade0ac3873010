r"""A strategy of your own: it buys after the market has fallen, and sells after it has risen again.

The same class trades live and in re-simulations of any recorded market:

    ./paper strategy run examples.own_strategy:BuyDips --account mine --cash 100000 --symbol ACME.SIM --quantity 10 \
        --max-position 50
    ./paper replay run --run-id dip --with examples/own_strategy.yaml

A strategy sees quotes and its own results, and nothing else: no clock, no files, no random numbers. So the same market
gives the same orders.
"""

from collections.abc import Sequence

from schemas.records.enums import Side, TimeInForce
from schemas.records.messages import OrderRequest
from streams.strategies.paced_strategy import PacedStrategy
from streams.strategies.strategy import Tick

MOVE_BPS = 2
"""Smallest move of the mid price between two looks on which the strategy trades, in basis points."""


class BuyDips(PacedStrategy):
    """A strategy that is never short. Prices and quantities are integers in 1e-9."""

    _before: int | None = None

    def on_look(self, tick: Tick) -> Sequence[OrderRequest]:
        """Called with every nth quote that has both sides; the requests are sent after the strategy's latency."""
        doubled_mid, before = tick.bid_px + tick.ask_px, self._before
        self._before = doubled_mid
        if before is None:
            return ()
        move = (doubled_mid - before) * 10_000
        if move <= -MOVE_BPS * before and self.has_room(Side.BUY):
            return (self.ticket.limit(Side.BUY, self.quantity, tick.ask_px, tick.ts, TimeInForce.IOC),)
        if move >= MOVE_BPS * before and self.holding.quantity >= self.quantity:
            return (self.ticket.limit(Side.SELL, self.quantity, tick.bid_px, tick.ts, TimeInForce.IOC),)
        return ()
