"""The queues of resting orders by price. Orders with the same place share it, so that a change of it costs one step."""

from bisect import bisect_left, insort

from schemas.records.numbers import PRICE_MAX
from streams.core.market.order_book import OrderBook
from streams.core.market.trades import TradePrint
from streams.core.simulators.queue_place import QueueModel, QueuePlace
from streams.core.simulators.simulator import Reach, Simulator
from streams.core.simulators.venue_order import OrderKey, VenueOrder

ALL_VISIBLE = -PRICE_MAX - 1
"""Key below those of all prices."""


class QueuedOrder:
    """A resting order, and the group whose place in the queue it shares."""

    def __init__(self, order: VenueOrder, group: "QueueGroup") -> None:
        self.order, self.group = order, group


class QueueGroup:
    """Orders of one simulator at one price that share a place in the queue.

    before: the place before the trade that is being processed, if the group's orders are told of it.
    """

    def __init__(self, price: int, simulator: Simulator, reach: Reach, place: QueuePlace) -> None:
        assert reach.queue is not None
        self.price, self.simulator, self.reach, self.place = price, simulator, reach, place
        self.model: QueueModel = reach.queue
        self.before: QueuePlace | None = None
        self.members: dict[OrderKey, QueuedOrder] = {}

    def append_orders(self, found: list[VenueOrder]) -> None:
        """Appends the orders of the group to a list."""
        for member in self.members.values():
            found.append(member.order)


class QueueLevels:
    """The queues of one side. Keys of prices rise towards the market: prices of bids, negative prices of asks."""

    def __init__(self, buying: bool) -> None:
        self._buying = buying
        self._keys: list[int] = []
        self._levels: dict[int, list[QueueGroup]] = {}
        """Groups by price."""
        self._told: list[QueueGroup] = []
        """Groups whose orders are told of the trade that is being processed."""
        self._traded: list[int] = []
        """Prices at which the market has traded since the last update of the book."""

    @property
    def nearest(self) -> int | None:
        """The price of the queue that is nearest to the market; None if there are no queues."""
        return self._signed(self._keys[-1]) if self._keys else None

    @property
    def has_traded(self) -> bool:
        """True if the next update of the book changes a queue even if it shows the same size."""
        return bool(self._traded)

    def add(self, order: VenueOrder, simulator: Simulator, reach: Reach) -> QueuedOrder:
        """Adds an order that has seen the present book; from now on it shares its place."""
        price = order.price
        assert price is not None
        groups = self._levels.get(price)
        if groups is None:
            insort(self._keys, self._signed(price))
            groups = self._levels[price] = []
        place = order.queue or QueuePlace()
        for group in groups:
            if group.simulator is simulator and group.place.equals(place):
                order.queue = group.place
                queued = group.members[order.key] = QueuedOrder(order, group)
                return queued
        group = QueueGroup(price, simulator, reach, place)
        groups.append(group)
        if place.traded:
            self._note_traded(price)
        order.queue = place
        queued = group.members[order.key] = QueuedOrder(order, group)
        return queued

    def remove(self, queued: QueuedOrder) -> None:
        """Removes an order; from now on its place is its own."""
        order, group = queued.order, queued.group
        if order.queue is group.place:
            order.queue = group.place.copy()
        del group.members[order.key]
        if group.members:
            return
        groups = self._levels[group.price]
        groups.remove(group)
        if not groups:
            del self._levels[group.price]
            del self._keys[bisect_left(self._keys, self._signed(group.price))]

    def release(self) -> None:
        """Gives each order a place of its own."""
        for groups in self._levels.values():
            for group in groups:
                for member in group.members.values():
                    member.order.queue = group.place.copy()

    def reached(self, price: int | None, found: list[VenueOrder], beyond: bool = False) -> None:
        """Appends the orders that a market at a price reaches; beyond: only those that it passes."""
        if price is None or not self._keys:
            return
        limit, at = self._signed(price), len(self._keys) - 1
        if beyond:
            limit += 1
        while at >= 0 and self._keys[at] >= limit:
            for group in self._levels[self._signed(self._keys[at])]:
                group.append_orders(found)
            at -= 1

    # The market moves

    def see_book(self, book: OrderBook, found: list[VenueOrder]) -> None:
        """Moves the places at the prices whose displayed size has changed, or at which the market has traded.

        Appends the orders whose queue has become visible: each of them joins it when its turn comes.
        """
        if not self._keys:
            return
        side, change = (book.bids, book.bid_change) if self._buying else (book.asks, book.ask_change)
        for price in change.prices:
            if price in self._levels:
                self._step(price, book, found)
        if self._traded:
            traded, self._traded = self._traded, []
            for price in traded:
                if price in self._levels:
                    self._step(price, book, found)
        last = self._signed(side[-1].px) if side else ALL_VISIBLE
        before = ALL_VISIBLE if change.last_before is None else self._signed(change.last_before)
        if last != before:
            start, stop = bisect_left(self._keys, min(last, before)), bisect_left(self._keys, max(last, before))
            for key in self._keys[start:stop]:
                self._step(self._signed(key), book, found)

    def _signed(self, number: int) -> int:
        """Returns the key of a price, or the price of a key."""
        return number if self._buying else -number

    def _step(self, price: int, book: OrderBook, found: list[VenueOrder]) -> None:
        groups, displayed = self._levels[price], book.own_size(self._buying, price)
        has_moved = False
        for group in groups:
            place = group.place
            if place.ahead is None and displayed is not None:
                group.append_orders(found)
            else:
                has_moved = place.see_level(displayed, group.model) or has_moved
        if has_moved and len(groups) > 1:
            self._merge(price)

    def _merge(self, price: int) -> None:
        """Joins the groups whose places have become equal; the smaller one moves to the larger one."""
        kept: dict[tuple[str, int | None, int | None], QueueGroup] = {}
        for group in self._levels[price]:
            key = (group.simulator.name, group.place.ahead, group.place.shown)
            other = kept.get(key)
            if other is None:
                kept[key] = group
                continue
            large, small = (group, other) if len(group.members) > len(other.members) else (other, group)
            for member in small.members.values():
                member.group, member.order.queue = large, large.place
            large.members.update(small.members)
            kept[key] = large
        self._levels[price] = list(kept.values())

    def see_trade(self, trade: TradePrint, age_ns: int, found: list[VenueOrder]) -> None:
        """Moves the places at the price of a trade; appends the orders that the trade may fill.

        age_ns: age of the quote that judges the trade, which a simulator may find too old.
        """
        groups = self._levels.get(trade.px)
        if groups is None:
            return
        for group in groups:
            if age_ns > group.simulator.stale_after_ns:
                continue
            ahead = group.place.ahead
            if not group.reach.in_turn or (ahead is not None and ahead < trade.sz):
                group.before = group.place.copy()
                self._told.append(group)
                group.append_orders(found)
            group.place.see_trade(trade.sz)
            self._note_traded(trade.px)

    def _note_traded(self, price: int) -> None:
        if price not in self._traded:
            self._traded.append(price)

    def begin_trade(self, queued: QueuedOrder, trade: TradePrint, is_used_up: bool) -> bool:
        """Gives an order a place of its own, as it was before the trade; returns False if it need not be told of it."""
        order, group = queued.order, queued.group
        if is_used_up and (group.price != trade.px or group.before is not None):
            return False
        if group.price == trade.px and order.queue is group.place:
            order.queue = (group.before or group.place).copy()
        return True

    def regroup(self, queued: QueuedOrder) -> QueuedOrder:
        """Puts an order back to those with the same place, after it was told of an update."""
        order, group = queued.order, queued.group
        place = order.queue
        if place is group.place:
            return queued
        if place is not None and place.equals(group.place):
            order.queue = group.place
            return queued
        self.remove(queued)
        return self.add(order, group.simulator, group.reach)

    def end_trade(self) -> None:
        """Ends the processing of a trade."""
        if self._told:
            for group in self._told:
                group.before = None
            self._told = []
