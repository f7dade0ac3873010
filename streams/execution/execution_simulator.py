"""ExecutionSimulator: crosses the real spread and fills partially against the displayed size."""

from streams.domain.config import CoreConfig
from streams.domain.enums import Liquidity
from streams.domain.instruments import Instrument
from streams.domain.messages import ApprovedOrder
from streams.domain.numbers import NANOS_PER_MS
from streams.domain.quote import SIZE_UNKNOWN, Quote
from streams.domain.venue_order import VenueOrder
from streams.execution.fees import rate_and_unit_fee
from streams.execution.simulator import Match, VenueReject


class ExecutionSimulator:
    """Top of book. An arriving order takes the opposite side; a resting limit order trades at its limit when the
    opposite side reaches it. Displayed size that a simulated order took is gone until the market refreshes the quote.
    """

    name = "top-of-book"

    def __init__(self, config: CoreConfig) -> None:
        self._latency_ns = config.simulator.latency_ms * NANOS_PER_MS

    def latency_ns(self, request: ApprovedOrder) -> int:
        """The same for every request."""
        return self._latency_ns

    def refuse(self, order: VenueOrder) -> VenueReject | None:
        """Takes every order."""
        return None

    def fillable(self, order: VenueOrder, quote: Quote) -> int:
        """The displayed size that is left, where the opposite side is within the limit."""
        if not order.marketable_at(quote.ask if order.buying else quote.bid):
            return 0
        available = quote.available(order.buying)
        return order.leaves if available == SIZE_UNKNOWN else min(order.leaves, available)

    def match(self, order: VenueOrder, instrument: Instrument, quote: Quote) -> Match | None:
        """What the quote still shows, in whole lots, at the touch or, for a resting order, at its limit."""
        quantity = self.fillable(order, quote)
        quantity -= quantity % instrument.lot_size
        if quantity == 0:
            return None
        quote.take(order.buying, quantity)
        if order.resting and order.price is not None:
            return Match(quantity, order.price, Liquidity.ADDED)
        return Match(quantity, quote.ask_px if order.buying else quote.bid_px, Liquidity.REMOVED)

    def commission(self, instrument: Instrument, match: Match) -> int:
        """See streams.execution.fees."""
        return rate_and_unit_fee(instrument, match.quantity, match.price, match.liquidity)
