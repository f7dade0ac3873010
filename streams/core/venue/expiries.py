"""The expiry times of working orders, in a heap so that the venue finds due orders without a scan."""

from collections.abc import Mapping
from heapq import heapify, heappop, heappush
from operator import attrgetter

from schemas.records.enums import TimeInForce
from schemas.records.messages import ApprovedOrder
from streams.core.reference.instruments import Instrument
from streams.core.simulators.venue_order import OrderKey, VenueOrder

DEAD_MAX = 64
"""Entries that a heap may hold beyond twice the working orders; above it, entries of ended orders are removed."""
Entry = tuple[int, int, VenueOrder]
"""Expiry time (UTC nanoseconds), insertion number, order."""


def expiry_ns(request: ApprovedOrder, instrument: Instrument, time_ns: int) -> int | None:
    """Returns when an order that arrives at time_ns expires, UTC nanoseconds; None if it does not.

    No order outlives its instrument.
    """
    last_ns = instrument.expires_ns
    own_ns = request.expire_ts if request.time_in_force is TimeInForce.GTD else None
    if request.time_in_force is TimeInForce.DAY:
        own_ns = instrument.day_end_after_ns(time_ns)
    if own_ns is None or last_ns is None:
        return last_ns if own_ns is None else own_ns
    return min(own_ns, last_ns)


def expiry_code(request: ApprovedOrder, instrument: Instrument | None, time_ns: int) -> str:
    """Returns the reason of an expiry at time_ns."""
    if instrument is not None and instrument.is_expired(time_ns):
        return "INSTRUMENT_EXPIRED"
    return "EXPIRE_TIME" if request.time_in_force is TimeInForce.GTD else "DAY_END"


class Expiries:
    """The working orders by expiry time."""

    def __init__(self, working: Mapping[OrderKey, VenueOrder]) -> None:
        self._working = working
        self._entries: list[Entry] = []
        self._count = 0
        for order in working.values():
            self.add(order)

    @property
    def next_ns(self) -> int | None:
        """Next expiry time, UTC nanoseconds; None if no order expires."""
        return self._entries[0][0] if self._entries else None

    def add(self, order: VenueOrder) -> None:
        """Adds an order if it has an expiry time."""
        if order.expires_ns is None:
            return
        self._count += 1
        heappush(self._entries, (order.expires_ns, self._count, order))
        if len(self._entries) > 2 * len(self._working) + DEAD_MAX:
            self._entries = [entry for entry in self._entries if self._works(entry[2])]
            heapify(self._entries)

    def discard(self, order: VenueOrder) -> None:
        """Removes an order that has ended before its expiry."""
        if self._entries and self._entries[0][2] is order:
            self._clear_front()

    def take_due(self, time_ns: int) -> list[VenueOrder]:
        """Removes and returns the working orders that expire at or before a time, in time priority."""
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
