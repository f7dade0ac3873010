"""Mean reversion: bids below and offers above a slow average of the mid price, and cancels what has not filled."""

from collections.abc import Sequence

from schemas.records.enums import Side
from schemas.records.messages import OrderRequest, OrderResult
from streams.strategies.paced_strategy import PacedStrategy
from streams.strategies.strategy import Tick

AVERAGE_SHARE = 64
"""At each look the average moves by 1/64 of its distance from the mid price."""


class MeanReversion(PacedStrategy):
    """A strategy with at most one working order, which it cancels at the next look."""

    _average: int | None = None
    _working_order_id: str | None = None

    def on_look(self, tick: Tick) -> Sequence[OrderRequest]:
        """See streams.strategies.paced_strategy.PacedStrategy."""
        mid = (tick.bid_px + tick.ask_px) // 2
        average = mid if self._average is None else self._average
        self._average = average + (mid - average) // AVERAGE_SHARE
        if self._working_order_id is not None:
            order_id, self._working_order_id = self._working_order_id, None
            return (self.ticket.cancel(order_id, tick.ts),)
        side = Side.BUY if mid < average else Side.SELL
        if mid == average or not self.has_room(side):
            return ()
        price = tick.bid_px if side is Side.BUY else tick.ask_px
        request = self.ticket.limit(side, self.quantity, price, tick.ts)
        self._working_order_id = request.order_id
        return (request,)

    def on_result(self, result: OrderResult) -> Sequence[OrderRequest]:
        """Adds a fill to the position, and forgets a working order that has ended."""
        if result.terminal and result.order_id == self._working_order_id:
            self._working_order_id = None
        return super().on_result(result)
