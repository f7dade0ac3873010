"""When orders end by themselves: which are due, without looking at all that work."""

from collections.abc import Mapping
from heapq import heapify, heappop, heappush
from operator import attrgetter

from streams.core.simulators.venue_order import OrderKey, VenueOrder

DEAD_MAX = 64
"""Ended orders that are kept beside as many as work before they are swept out."""
Entry = tuple[int, int, VenueOrder]
"""When an order ends, a number that tells entries apart."""


class Expiries:
    """The working orders by the time of their end."""

    def __init__(self, working: Mapping[OrderKey, VenueOrder]) -> None:
        self._working = working
        self._entries: list[Entry] = []
        self._count = 0
        for order in working.values():
            self.add(order)

    @property
    def next_ns(self) -> int | None:
        """When the next of them ends (UTC nanoseconds)."""
        return self._entries[0][0] if self._entries else None

    def add(self, order: VenueOrder) -> None:
        """Takes an order that ends at its expires_ns, if it does."""
        if order.expires_ns is None:
            return
        self._count += 1
        heappush(self._entries, (order.expires_ns, self._count, order))
        if len(self._entries) > 2 * len(self._working) + DEAD_MAX:
            self._entries = [entry for entry in self._entries if self._works(entry[2])]
            heapify(self._entries)

    def drop(self, order: VenueOrder) -> None:
        """The order has ended before its time."""
        if self._entries and self._entries[0][2] is order:
            self._clear_front()

    def take_due(self, time_ns: int) -> list[VenueOrder]:
        """The working orders that end at or before a time, in time priority; they are not told again."""
        found = []
        while self._entries and self._entries[0][0] <= time_ns:
            found.append(heappop(self._entries)[2])
            self._clear_front()
        return sorted(found, key=attrgetter("place"))

    def _clear_front(self) -> None:
        while self._entries and not self._works(self._entries[0][2]):
            heappop(self._entries)

    def _works(self, order: VenueOrder) -> bool:
        return self._working.get(order.key) is order
