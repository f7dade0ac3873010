"""Momentum: buys at the ask after the mid price has risen, and sells at the bid after it has fallen."""

from collections.abc import Sequence

from schemas.records.enums import Side, TimeInForce
from schemas.records.messages import OrderRequest
from streams.strategies.paced_strategy import PacedStrategy
from streams.strategies.strategy import Tick


class Momentum(PacedStrategy):
    """A strategy that follows each move of the mid price with an IOC order."""

    _doubled_mid: int | None = None

    def on_look(self, tick: Tick) -> Sequence[OrderRequest]:
        """See streams.strategies.paced_strategy.PacedStrategy."""
        doubled_mid = tick.bid_px + tick.ask_px
        before, self._doubled_mid = self._doubled_mid, doubled_mid
        if before is None or doubled_mid == before:
            return ()
        side = Side.BUY if doubled_mid > before else Side.SELL
        if not self.has_room(side):
            return ()
        price = tick.ask_px if side is Side.BUY else tick.bid_px
        return (self.ticket.limit(side, self.quantity, price, tick.ts, TimeInForce.IOC),)
