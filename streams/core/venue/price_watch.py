"""What of the market can matter to the orders that work: from which prices on, and to which of them."""

from collections.abc import Iterable, Mapping
from heapq import heapify, heappop, heappush
from operator import attrgetter
from typing import Final

from schemas.records.numbers import PRICE_MAX
from streams.core.market.order_book import Book
from streams.core.simulators.venue_order import OrderKey, VenueOrder
from streams.core.venue.triggers import wakes_at
from streams.core.venue.venue_view import Surroundings

NEVER_LOW: Final = 0
NEVER_HIGH: Final = PRICE_MAX + 1
"""Every price is above the one and below the other."""
DEAD_MAX = 64
"""Ended orders that are kept beside as many as work before they are swept out."""

in_turn = attrgetter("place")
Entry = tuple[int, int, VenueOrder]
"""Price from which on the market concerns an order (negative for a buy, so that the nearest comes first), its place."""


class SideWatch:
    """One side of the quote matters at or below low and at or above high (1e-9), where it is there.

    gone: it matters, too, that it is not there; moves: that its price or size is another than the book's.
    """

    def __init__(self, low: int = NEVER_LOW, high: int = NEVER_HIGH) -> None:
        self.low, self.high = low, high
        self.gone = self.moves = False


class Watch:
    """Updates outside of it change no working order. It may hold more than that: then a step is in vain.

    stale: what it knows does not hold before all orders have seen the book again. always: every update matters.
    trade_low, trade_high: trades at or below, at or above these prices (1e-9) matter.
    """

    def __init__(self, venue: Surroundings, working: Mapping[OrderKey, VenueOrder], stale: bool = False) -> None:
        self.stale = stale
        self.linked = False
        """Whether an order waits for another, which may wake it in the middle of a step."""
        self._venue, self._working = venue, working
        self._buys: list[Entry] = []
        self._sells: list[Entry] = []
        self._reached: list[Entry] = []
        self._is_settled = True
        self._others: dict[OrderKey, VenueOrder] = {}
        """Those that each step is told to: they wait for more than a price."""
        self.always = False
        self.bid, self.ask = SideWatch(), SideWatch()
        self.trade_low, self.trade_high = NEVER_LOW, NEVER_HIGH
        if not stale:
            for order in working.values():
                self.add(order)

    def add(self, order: VenueOrder) -> None:
        """Watches over one more order, which has seen the book as it stands."""
        if order.waiting:
            self.linked = True
            return
        simulator = self._venue.simulator_of(order.request.account_id)
        reach = simulator.reach(order) if order.resting and self._venue.instrument else None
        if reach is None or reach.queues or reach.trade not in (None, reach.quote):
            self._others[order.key] = order
            self._look_out_for(order)
            return
        self._others.pop(order.key, None)
        if order.buying:
            self._add_entry(self._buys, (-reach.quote, order.place, order))
            self.ask.low = max(self.ask.low, reach.quote)
            self.trade_low = max(self.trade_low, reach.quote)
        else:
            self._add_entry(self._sells, (reach.quote, order.place, order))
            self.bid.high = min(self.bid.high, reach.quote)
            self.trade_high = min(self.trade_high, reach.quote)

    def told_book(self, book: Book) -> list[VenueOrder]:
        """The orders that the book may concern, in time priority."""
        return self._told(book.ask, book.bid)

    def told_trade(self, px: int) -> list[VenueOrder]:
        """The orders that a trade may concern, in time priority."""
        return self._told(px, px)

    def settle(self) -> None:
        """After a step: what it holds of the orders that the step was told to is to be found anew."""
        for entry in self._reached:
            if self._is_alive(entry):
                heappush(self._buys if entry[2].buying else self._sells, entry)
        self._reached = []
        self._is_settled = False

    def look(self) -> None:
        """Brings its limits up to date, which every step may have moved."""
        if self._is_settled:
            return
        self._is_settled = True
        others, self._others = self._others, {}
        self._look_at(order for key, order in others.items() if self._working.get(key) is order)

    def _told(self, selling_at: int | None, buying_at: int | None) -> list[VenueOrder]:
        if selling_at is not None:
            self._reach(self._buys, -selling_at)
        if buying_at is not None:
            self._reach(self._sells, buying_at)
        told = list(self._others.values())
        for _, _, order in self._reached:
            told.append(order)
        if len(told) > 1:
            told.sort(key=in_turn)
        return told

    def _reach(self, entries: list[Entry], limit: int) -> None:
        while entries and entries[0][0] <= limit:
            entry = heappop(entries)
            if self._is_alive(entry):
                self._reached.append(entry)

    def _add_entry(self, entries: list[Entry], entry: Entry) -> None:
        heappush(entries, entry)
        if len(entries) > 2 * len(self._working) + DEAD_MAX:
            entries[:] = filter(self._is_alive, entries)
            heapify(entries)

    def _is_alive(self, entry: Entry) -> bool:
        """Whether the order still works, and at the price that it had."""
        _, place, order = entry
        return order.place == place and self._working.get(order.key) is order

    def _look_at(self, others: Iterable[VenueOrder]) -> None:
        """Finds the limits anew, from the nearest orders and from those that wait for more than a price."""
        self.always = False
        low = -self._buys[0][0] if self._buys else NEVER_LOW
        high = self._sells[0][0] if self._sells else NEVER_HIGH
        self.ask, self.bid = SideWatch(low=low), SideWatch(high=high)
        self.trade_low, self.trade_high = low, high
        for order in others:
            self.add(order)

    def _look_out_for(self, order: VenueOrder) -> None:
        instrument = self._venue.instrument
        own, opposite = (self.bid, self.ask) if order.buying else (self.ask, self.bid)
        if instrument is None or not (order.resting or not order.triggered):
            self.always = True
        elif not order.triggered:
            low, high = wakes_at(order, instrument.tick_size)
            opposite.low, opposite.high = max(opposite.low, low), min(opposite.high, high)
        else:
            self._look_out_for_resting(order, own, opposite)

    def _look_out_for_resting(self, order: VenueOrder, own: SideWatch, opposite: SideWatch) -> None:
        reach = self._venue.simulator_of(order.request.account_id).reach(order)
        if reach is None:
            self.always = True
            return
        if order.buying:
            opposite.low = max(opposite.low, reach.quote)
            self.trade_low = max(self.trade_low, reach.trade or NEVER_LOW)
        else:
            opposite.high = min(opposite.high, reach.quote)
            self.trade_high = min(self.trade_high, reach.trade or NEVER_HIGH)
        if reach.queues:
            self._look_out_for_queue(order, own)

    def _look_out_for_queue(self, order: VenueOrder, own: SideWatch) -> None:
        """The place of an order changes with what its own side shows at its price."""
        ahead, shown = order.queue_ahead, order.level_size
        if order.level_traded or (shown is not None and (ahead is None or ahead > shown)):
            self.always = True
        elif shown is not None:
            own.moves = True
        else:
            assert order.price is not None
            own.gone = True
            if order.buying:
                own.low = max(own.low, order.price)
            else:
                own.high = min(own.high, order.price)
