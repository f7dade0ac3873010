"""The orders that are told of an update, each in its turn."""

from bisect import insort
from collections.abc import Callable
from typing import Any

from streams.core.simulators.venue_order import VenueOrder

Turn = Callable[[VenueOrder], Any]
"""A function that returns the sort key of an order."""


class Agenda:
    """A walk over orders that stand in their turns. complete: all working orders are among them."""

    def __init__(self, orders: list[VenueOrder], turn: Turn, complete: bool) -> None:
        self._orders, self._turn, self._complete = orders, turn, complete
        self._next = 0

    def take(self) -> VenueOrder | None:
        """Returns the next order, None after the last."""
        if self._next == len(self._orders):
            return None
        self._next += 1
        return self._orders[self._next - 1]

    def join(self, order: VenueOrder) -> None:
        """Adds an order that the last one taken has made active, unless its turn is over."""
        if not self._complete and self._turn(order) > self._turn(self._orders[self._next - 1]):
            insort(self._orders, order, lo=self._next, key=self._turn)
