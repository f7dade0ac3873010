"""What of the market can matter to the orders that work: below and above which prices, and whose queues."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from streams.domain.instruments import Instrument
from streams.domain.numbers import PRICE_MAX
from streams.domain.triggers import wakes_at
from streams.domain.venue_order import VenueOrder
from streams.execution.simulator import Simulator

NEVER_LOW, NEVER_HIGH = 0, PRICE_MAX + 1
"""Every price is above the one and below the other."""


class Surroundings(Protocol):
    """What decides over orders at their venue."""

    instrument: Instrument | None

    def simulator_of(self, account_id: str) -> Simulator:
        """Who decides over an account's orders."""
        ...


@dataclass(slots=True)
class SideWatch:
    """One side of the quote matters at or below low and at or above high (1e-9), where it is there.

    gone: it matters, too, that it is not there; moves: that its price or size is another than the book's.
    """

    low: int = NEVER_LOW
    high: int = NEVER_HIGH
    gone: bool = False
    moves: bool = False

    def reaches(self, falling: bool, px: int) -> None:
        """It matters from a price on, and beyond."""
        if falling:
            self.low = max(self.low, px)
        else:
            self.high = min(self.high, px)


class Watch:
    """Updates outside of it change no order that is in it. It may hold more than that: then a step is in vain.

    every: each update matters. trade_low, trade_high: trades at or below, at or above these prices (1e-9).
    """

    def __init__(self, every: bool = False) -> None:
        self.every = every
        self.bid, self.ask = SideWatch(), SideWatch()
        self.trade_low, self.trade_high = NEVER_LOW, NEVER_HIGH

    @classmethod
    def over(cls, orders: Iterable[VenueOrder], venue: Surroundings) -> "Watch":
        """The watch over some orders, each of which has seen the book as it stands."""
        watch = cls()
        for order in orders:
            watch.add(order, venue)
        return watch

    def add(self, order: VenueOrder, venue: Surroundings) -> None:
        """Watches over one more order."""
        if order.waiting or self.every:
            return
        if venue.instrument is None:
            self.every = True
        elif not order.triggered:
            low, high = wakes_at(order, venue.instrument.tick_size)
            opposite = self.ask if order.buying else self.bid
            opposite.reaches(True, low)
            opposite.reaches(False, high)
        elif order.resting:
            self._add_resting(order, venue.simulator_of(order.request.account_id))
        else:
            self.every = True

    def _add_resting(self, order: VenueOrder, simulator: Simulator) -> None:
        reach = simulator.reach(order)
        if reach is None:
            self.every = True
            return
        buying = order.buying
        (self.ask if buying else self.bid).reaches(buying, reach.quote)
        if reach.trade is not None:
            if buying:
                self.trade_low = max(self.trade_low, reach.trade)
            else:
                self.trade_high = min(self.trade_high, reach.trade)
        if reach.queues:
            self._add_queue(order)

    def _add_queue(self, order: VenueOrder) -> None:
        """The place of an order changes with what its own side shows at its price."""
        own = self.bid if order.buying else self.ask
        ahead, shown = order.queue_ahead, order.level_size
        if order.level_traded or (shown is not None and (ahead is None or ahead > shown)):
            self.every = True
        elif shown is None:
            assert order.price is not None
            own.reaches(order.buying, order.price)
            own.gone = True
        else:
            own.moves = True
