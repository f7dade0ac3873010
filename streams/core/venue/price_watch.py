"""The price watch: the prices from which on the market can matter to the working orders, and to which of them."""

from collections.abc import Mapping
from operator import attrgetter

from streams.core.market.order_book import SIZE_UNKNOWN, OrderBook, PriceLevel
from streams.core.market.trades import TradePrint
from streams.core.simulators.venue_order import OrderKey, VenueOrder
from streams.core.venue.price_index import PriceIndex
from streams.core.venue.queue_levels import QueuedOrder, QueueLevels
from streams.core.venue.triggers import NEVER_HIGH, NEVER_LOW, wake_prices
from streams.core.venue.venue_view import VenueView

BEYOND_MAX = 1
"""Most (1e-9) that the best quote must be beyond the price of an order, before what is left at that price fills it."""
time_priority = attrgetter("place")


class SideWatch:
    """The watched prices of one side of the quote: at or below low, and at or above high (1e-9).

    on_absence: the absence of the side matters too. on_change: every change of its price or size matters.
    """

    def __init__(self, low: int, high: int, on_absence: bool = False, on_change: bool = False) -> None:
        self.low, self.high, self.on_absence, self.on_change = low, high, on_absence, on_change


class WatchedOrder:
    """An order as it was when it was added: what it waits for, and where it stands.

    index, price: the index that holds it, with its price in it; beside, other_price: a second one. queued: its queue.
    Without an index or a queue it sees every update.
    """

    def __init__(self, order: VenueOrder) -> None:
        self.resting, self.triggered, self.stop_price = order.resting, order.triggered, order.stop_price
        self.index: PriceIndex | None = None
        self.beside: PriceIndex | None = None
        self.price = self.other_price = 0
        self.queued: QueuedOrder | None = None

    def is_as_before(self, order: VenueOrder) -> bool:
        """Returns whether the order still waits for the same."""
        same = order.resting == self.resting and order.triggered == self.triggered
        return same and order.stop_price == self.stop_price


class PriceWatch:
    """The updates that may change a working order. It may name too many, never too few.

    stale: nothing is known until all orders have seen the book again.
    """

    def __init__(self, venue: VenueView, working: Mapping[OrderKey, VenueOrder], stale: bool = False) -> None:
        self.stale = stale
        self._venue = venue
        self._bid_falls, self._ask_falls = PriceIndex(falling=True), PriceIndex(falling=True)
        self._bid_rises, self._ask_rises = PriceIndex(falling=False), PriceIndex(falling=False)
        """Orders that wait for the quote alone."""
        self._buys, self._sells = PriceIndex(falling=True), PriceIndex(falling=False)
        """Resting orders without a queue that wait for trades and for what the opposite side displays."""
        self._queued_buys, self._queued_sells = QueueLevels(buying=True), QueueLevels(buying=False)
        self._orders: dict[OrderKey, WatchedOrder] = {}
        self._attentive: dict[OrderKey, VenueOrder] = {}
        """Orders that see every update."""
        if not stale:
            for order in working.values():
                self.see(order)

    # The orders

    def see(self, order: VenueOrder) -> None:
        """Watches an order that works and has seen the present market: anew, or again after it may have changed."""
        if self.stale or order.waiting:
            return
        watched = self._orders.get(order.key)
        if watched is None:
            self._add(order)
        elif not watched.is_as_before(order):
            self.remove(order)
            self._add(order)
        elif watched.queued is not None:
            watched.queued = self._queues(order).regroup(watched.queued)

    def remove(self, order: VenueOrder) -> None:
        """Forgets an order, if it is watched."""
        watched = self._orders.pop(order.key, None)
        if watched is None:
            return
        if watched.queued is not None:
            self._queues(order).remove(watched.queued)
            return
        if watched.index is not None:
            watched.index.remove(watched.price, order)
        if watched.beside is not None:
            watched.beside.remove(watched.other_price, order)
        if watched.index is None and watched.beside is None:
            del self._attentive[order.key]

    def release(self) -> None:
        """Gives all orders their places in the queue as their own, because they are watched no more."""
        self._queued_buys.release()
        self._queued_sells.release()

    def _queues(self, order: VenueOrder) -> QueueLevels:
        return self._queued_buys if order.buying else self._queued_sells

    def _add(self, order: VenueOrder) -> None:
        watched = self._orders[order.key] = WatchedOrder(order)
        instrument = self._venue.instrument
        if instrument is not None and order.resting:
            self._add_resting(order, watched)
        elif instrument is not None and not order.triggered:
            low, high = wake_prices(order, instrument.tick_size)
            if low != NEVER_LOW:
                watched.index, watched.price = self._ask_falls if order.buying else self._bid_falls, low
            if high != NEVER_HIGH:
                watched.beside, watched.other_price = self._ask_rises if order.buying else self._bid_rises, high
        if watched.queued is not None:
            return
        if watched.index is not None:
            watched.index.add(watched.price, order)
        if watched.beside is not None:
            watched.beside.add(watched.other_price, order)
        if watched.index is None and watched.beside is None:
            self._attentive[order.key] = order

    def _add_resting(self, order: VenueOrder, watched: WatchedOrder) -> None:
        simulator = self._venue.simulator_of(order.request.account_id)
        reach = simulator.reach(order)
        if reach is None:
            return
        if reach.queue is not None:
            watched.queued = self._queues(order).add(order, simulator, reach)
        elif reach.trade is None:
            watched.index, watched.price = self._ask_falls if order.buying else self._bid_rises, reach.quote
        elif order.buying:
            watched.index, watched.price = self._buys, max(reach.quote, reach.trade)
        else:
            watched.index, watched.price = self._sells, min(reach.quote, reach.trade)

    # The market moves

    def orders_at_book(self, book: OrderBook) -> list[VenueOrder]:
        """Moves the queues after an update of the book; returns the orders that it may change, in time priority."""
        found = list(self._attentive.values())
        bid, ask = book.bid, book.ask
        self._ask_falls.reached(ask, found)
        self._ask_rises.reached(ask, found)
        self._bid_falls.reached(bid, found)
        self._bid_rises.reached(bid, found)
        if book.is_open and self._venue.instrument is not None:
            lot = self._venue.instrument.lot_size
            ask, bid = first_left(book.asks, lot), first_left(book.bids, lot)
            if ask is not None and book.ask is not None:
                ask = max(book.ask, ask - BEYOND_MAX)
                self._buys.reached(ask, found)
                self._queued_buys.reached(ask, found)
            if bid is not None and book.bid is not None:
                bid = min(book.bid, bid + BEYOND_MAX)
                self._sells.reached(bid, found)
                self._queued_sells.reached(bid, found)
        self._queued_buys.see_book(book, found)
        self._queued_sells.see_book(book, found)
        if len(found) > 1:
            found = list({order.place: order for order in found}.values())
            found.sort(key=time_priority)
        return found

    def orders_at_trade(self, trade: TradePrint, book: OrderBook, age_ns: int) -> list[VenueOrder]:
        """Moves the queues after a trade; returns the orders that it may change: best price first, then by time.

        age_ns: age of the quote that judges the trade. Before an order is told of the trade, call begin_trade; at last,
        call end_trade.
        """
        px = trade.px
        found = list(self._attentive.values())
        if trade.meets_side(True, book):
            self._buys.reached(px, found)
            self._queued_buys.reached(px, found, beyond=True)
            self._queued_buys.see_trade(trade, age_ns, found)
        if trade.meets_side(False, book):
            self._sells.reached(px, found)
            self._queued_sells.reached(px, found, beyond=True)
            self._queued_sells.see_trade(trade, age_ns, found)
        if len(found) > 1:
            found.sort(key=trade_priority)
        return found

    def begin_trade(self, order: VenueOrder, trade: TradePrint, is_used_up: bool) -> bool:
        """Prepares an order for the trade that it is told of now; returns False if it need not be told.

        is_used_up: nothing is left of the trade, so that it only moves queues.
        """
        watched = self._orders.get(order.key)
        if watched is None:
            return True
        if watched.queued is not None:
            return self._queues(order).begin_trade(watched.queued, trade, is_used_up)
        return not is_used_up or watched.index is None

    def end_trade(self) -> None:
        """Ends the processing of a trade."""
        self._queued_buys.end_trade()
        self._queued_sells.end_trade()

    # Look-ahead

    @property
    def every_update(self) -> bool:
        """True if the next update matters, whatever it is."""
        if self.stale or self._attentive:
            return True
        return self._queued_buys.has_traded or self._queued_sells.has_traded

    @property
    def trade_low(self) -> int:
        """The price (1e-9) at or below which trades matter."""
        return max(_nearest(self._buys, NEVER_LOW), _nearest(self._queued_buys, NEVER_LOW))

    @property
    def trade_high(self) -> int:
        """The price (1e-9) at or above which trades matter."""
        return min(_nearest(self._sells, NEVER_HIGH), _nearest(self._queued_sells, NEVER_HIGH))

    def bid_watch(self, book: OrderBook) -> SideWatch:
        """Returns the bids that matter after a book."""
        low, high = _nearest(self._bid_falls, NEVER_LOW), min(_nearest(self._bid_rises, NEVER_HIGH), self.trade_high)
        queue = self._queued_buys.nearest
        if queue is None:
            return SideWatch(low, high)
        if not book.bids or queue >= book.bids[-1].px:
            return SideWatch(low, high, on_change=True)
        return SideWatch(max(low, queue), high, on_absence=True)

    def ask_watch(self, book: OrderBook) -> SideWatch:
        """Returns the asks that matter after a book."""
        low, high = max(_nearest(self._ask_falls, NEVER_LOW), self.trade_low), _nearest(self._ask_rises, NEVER_HIGH)
        queue = self._queued_sells.nearest
        if queue is None:
            return SideWatch(low, high)
        if not book.asks or queue <= book.asks[-1].px:
            return SideWatch(low, high, on_change=True)
        return SideWatch(low, min(high, queue), on_absence=True)


def trade_priority(order: VenueOrder) -> tuple[int, int]:
    """Returns a sort key: bids from the highest, asks from the lowest, then time. The two sides never compete."""
    return -(order.price or 0) if order.buying else order.price or 0, order.place


def first_left(levels: list[PriceLevel], lot: int) -> int | None:
    """Returns the price of the best level of which a lot is left to simulated orders; None if there is none."""
    for level in levels:
        if level.left >= lot or level.left == SIZE_UNKNOWN:
            return level.px
    return None


def _nearest(index: PriceIndex | QueueLevels, never: int) -> int:
    found = index.nearest
    return never if found is None else found
