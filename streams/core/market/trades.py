"""The market's trades: a single trade print, and the volume of the last minute."""

from collections import deque
from typing import Any, NamedTuple, Self

from schemas.records.numbers import NANOS_PER_S
from streams.core.market.order_book import OrderBook

WINDOW_S = 60
"""Length of the volume window, seconds of market time."""
BUYER, SELLER, UNKNOWN_AGGRESSOR = "B", "S", "-"


class TradePrint:
    """A trade of the market. px: 1e-9; sz: 1e-9 units; aggressor: BUYER, SELLER or UNKNOWN_AGGRESSOR.

    used: part of sz that has filled simulated orders; better priced orders come first.
    """

    def __init__(self, px: int, sz: int, aggressor: str) -> None:
        self.px, self.sz, self.aggressor = px, sz, aggressor
        self.used = 0

    def meets_side(self, buying: bool, book: OrderBook) -> bool:
        """Returns whether the trade could have met orders that rest on a side.

        A seller's trade meets bids, a buyer's trade meets asks. If the source does not name the aggressor, a print
        outside of the present quote is late or odd, and meets no order.
        """
        if self.aggressor != UNKNOWN_AGGRESSOR:
            return self.aggressor == (SELLER if buying else BUYER)
        bid, ask = book.bid, book.ask
        return bid is not None and ask is not None and bid <= self.px <= ask

    def can_meet(self, buying: bool, price: int, book: OrderBook) -> bool:
        """Returns whether the trade could have met an order that rests at a price."""
        within = self.px <= price if buying else self.px >= price
        return within and self.meets_side(buying, book)


class LastMinute(NamedTuple):
    """The volume of the last WINDOW_S seconds of market time, 1e-9 units.

    traded: by the market. beyond: by simulated orders, beyond what the market displayed.
    """

    traded: int
    beyond: int


class RecentVolume:
    """A volume by second over the last WINDOW_S seconds of market time, 1e-9 units."""

    def __init__(self, seconds: list[list[int]] | None = None) -> None:
        self._seconds: deque[list[int]] = deque(seconds or [])
        self._total = sum(size for _, size in self._seconds)

    def add(self, time_ns: int, size: int) -> None:
        """Adds a trade or a fill; times never step back."""
        second = time_ns // NANOS_PER_S
        if self._seconds and self._seconds[-1][0] == second:
            self._seconds[-1][1] += size
        else:
            self._seconds.append([second, size])
        self._total += size
        while self._seconds[0][0] <= second - WINDOW_S:
            self._total -= self._seconds.popleft()[1]

    def volume(self, time_ns: int) -> int:
        """Returns the volume of the WINDOW_S seconds that end with the second of time_ns."""
        first = time_ns // NANOS_PER_S - WINDOW_S
        if not self._seconds or self._seconds[0][0] > first:
            return self._total
        return sum(size for second, size in self._seconds if second > first)

    def split(self, to: int, of: int) -> None:
        """Restates the sizes for a split of each `of` units into `to` units."""
        for item in self._seconds:
            item[1] = item[1] * to // of
        self._total = sum(size for _, size in self._seconds)

    def to_state(self) -> list[list[int]]:
        """Returns the volumes as JSON values."""
        return [list(item) for item in self._seconds]

    @classmethod
    def from_state(cls, state: Any) -> Self:
        """Restores the volumes from to_state."""
        return cls([list(item) for item in state])
