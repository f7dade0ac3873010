"""The price watch: the prices from which on the market can matter to the working orders, and to which of them."""

from collections.abc import Iterable, Mapping
from heapq import heapify, heappop, heappush
from operator import attrgetter

from streams.core.market.order_book import OrderBook
from streams.core.simulators.venue_order import OrderKey, VenueOrder
from streams.core.venue.triggers import NEVER_HIGH, NEVER_LOW, wake_prices
from streams.core.venue.venue_view import VenueView

DEAD_MAX = 64
"""Entries that a heap may hold beyond twice the working orders; above it, entries of ended orders are removed."""

time_priority = attrgetter("place")
Entry = tuple[int, int, VenueOrder]
"""Price from which on the market matters (negative for a buy, so that the nearest comes first), place, order."""


class SideWatch:
    """The watched prices of one side of the quote: at or below low, and at or above high (1e-9).

    on_absence: the absence of the side matters too. on_change: every change of its price or size matters.
    """

    def __init__(self, low: int = NEVER_LOW, high: int = NEVER_HIGH) -> None:
        self.low, self.high = low, high
        self.on_absence = self.on_change = False


class PriceWatch:
    """The updates that may change a working order. It may name too many, never too few.

    stale: nothing is known until all orders have seen the book again. every_update: every update matters.
    trade_low, trade_high: trades at or below, at or above these prices (1e-9) matter.
    """

    def __init__(self, venue: VenueView, working: Mapping[OrderKey, VenueOrder], stale: bool = False) -> None:
        self.stale = stale
        self.linked = False
        """True if an order waits for another one, which may activate it while an update is processed."""
        self._venue, self._working = venue, working
        self._buys: list[Entry] = []
        self._sells: list[Entry] = []
        self._reached: list[Entry] = []
        self._is_fresh = True
        self._others: dict[OrderKey, VenueOrder] = {}
        """Orders that see each processed update, because they wait for more than one price."""
        self.every_update = False
        self.bid, self.ask = SideWatch(), SideWatch()
        self.trade_low, self.trade_high = NEVER_LOW, NEVER_HIGH
        if not stale:
            for order in working.values():
                self.add(order)

    def add(self, order: VenueOrder) -> None:
        """Adds an order that has seen the present book."""
        if order.waiting:
            self.linked = True
            return
        simulator = self._venue.simulator_of(order.request.account_id)
        reach = simulator.reach(order) if order.resting and self._venue.instrument else None
        if reach is None or reach.queues or reach.trade not in (None, reach.quote):
            self._others[order.key] = order
            self._watch_other(order)
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

    def orders_at_book(self, book: OrderBook) -> list[VenueOrder]:
        """Returns the orders that the book may change, in time priority."""
        return self._orders_at(book.ask, book.bid)

    def orders_at_trade(self, px: int) -> list[VenueOrder]:
        """Returns the orders that a trade may change, in time priority."""
        return self._orders_at(px, px)

    def finish_update(self) -> None:
        """Puts the reached orders back after an update; refresh computes the prices again."""
        for entry in self._reached:
            if self._is_alive(entry):
                heappush(self._buys if entry[2].buying else self._sells, entry)
        self._reached = []
        self._is_fresh = False

    def refresh(self) -> None:
        """Computes the watched prices again if an update has been processed since."""
        if self._is_fresh:
            return
        self._is_fresh = True
        others, self._others = self._others, {}
        self._watch_again(order for key, order in others.items() if self._working.get(key) is order)

    def _orders_at(self, selling_at: int | None, buying_at: int | None) -> list[VenueOrder]:
        if selling_at is not None:
            self._reach(self._buys, -selling_at)
        if buying_at is not None:
            self._reach(self._sells, buying_at)
        found = list(self._others.values())
        for _, _, order in self._reached:
            found.append(order)
        if len(found) > 1:
            found.sort(key=time_priority)
        return found

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
        """Returns whether the order still works at the price of the entry."""
        _, place, order = entry
        return order.place == place and self._working.get(order.key) is order

    def _watch_again(self, others: Iterable[VenueOrder]) -> None:
        """Computes the watched prices from the nearest orders and from those that wait for more than one price."""
        self.every_update = False
        low = -self._buys[0][0] if self._buys else NEVER_LOW
        high = self._sells[0][0] if self._sells else NEVER_HIGH
        self.ask, self.bid = SideWatch(low=low), SideWatch(high=high)
        self.trade_low, self.trade_high = low, high
        for order in others:
            self.add(order)

    def _watch_other(self, order: VenueOrder) -> None:
        instrument = self._venue.instrument
        own, opposite = (self.bid, self.ask) if order.buying else (self.ask, self.bid)
        if instrument is None or not (order.resting or not order.triggered):
            self.every_update = True
        elif not order.triggered:
            low, high = wake_prices(order, instrument.tick_size)
            opposite.low, opposite.high = max(opposite.low, low), min(opposite.high, high)
        else:
            self._watch_resting(order, own, opposite)

    def _watch_resting(self, order: VenueOrder, own: SideWatch, opposite: SideWatch) -> None:
        reach = self._venue.simulator_of(order.request.account_id).reach(order)
        if reach is None:
            self.every_update = True
            return
        if order.buying:
            opposite.low = max(opposite.low, reach.quote)
            self.trade_low = max(self.trade_low, reach.trade or NEVER_LOW)
        else:
            opposite.high = min(opposite.high, reach.quote)
            self.trade_high = min(self.trade_high, reach.trade or NEVER_HIGH)
        if reach.queues:
            self._watch_queue(order, own)

    def _watch_queue(self, order: VenueOrder, own: SideWatch) -> None:
        """Watches the order's own side, whose size at the order's price changes its place in the queue."""
        ahead, shown = order.queue_ahead, order.level_size
        if order.level_traded or (shown is not None and (ahead is None or ahead > shown)):
            self.every_update = True
        elif shown is not None:
            own.on_change = True
        else:
            assert order.price is not None
            own.on_absence = True
            if order.buying:
                own.low = max(own.low, order.price)
            else:
                own.high = min(own.high, order.price)
