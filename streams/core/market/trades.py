"""The market's trades: one print, and how much has traded lately."""

from collections import deque
from dataclasses import dataclass
from typing import Any, Self

from schemas.records.numbers import NANOS_PER_S
from streams.core.market.order_book import Book

WINDOW_S = 60
"""Seconds of market time that volume counts."""
BUYER, SELLER, UNKNOWN_AGGRESSOR = "B", "S", "-"


@dataclass(slots=True)
class Print:
    """px: 1e-9; sz: 1e-9 units; aggressor: BUYER, SELLER or UNKNOWN_AGGRESSOR.

    used: what of it simulated orders have been filled with; those that stand better come first.
    """

    px: int
    sz: int
    aggressor: str
    used: int = 0

    def can_meet(self, buying: bool, price: int, book: Book) -> bool:
        """Whether the trade could have met an order of a side that stands in the book at a price.

        A seller's trade meets bids, a buyer's asks. Where the source does not say who came, a print outside of the
        quote in force is late or odd, and meets nobody.
        """
        if self.aggressor == UNKNOWN_AGGRESSOR:
            bid, ask = book.bid, book.ask
            if bid is None or ask is None or not bid <= self.px <= ask:
                return False
        elif self.aggressor != (SELLER if buying else BUYER):
            return False
        return self.px <= price if buying else self.px >= price


class Tape:
    """Volume by second over the last WINDOW_S seconds of market time, 1e-9 units."""

    def __init__(self, seconds: list[list[int]] | None = None) -> None:
        self._seconds: deque[list[int]] = deque(seconds or [])

    def add(self, time_ns: int, size: int) -> None:
        """A trade of the market; times never step back."""
        second = time_ns // NANOS_PER_S
        if self._seconds and self._seconds[-1][0] == second:
            self._seconds[-1][1] += size
        else:
            self._seconds.append([second, size])
        while self._seconds[0][0] <= second - WINDOW_S:
            self._seconds.popleft()

    def volume(self, time_ns: int) -> int:
        """Traded within the WINDOW_S seconds that end with this one."""
        first = time_ns // NANOS_PER_S - WINDOW_S
        return sum(size for second, size in self._seconds if second > first)

    def split(self, to: int, of: int) -> None:
        """Sizes as if each of units had become to units."""
        for item in self._seconds:
            item[1] = item[1] * to // of

    def to_state(self) -> list[list[int]]:
        """JSON-able form."""
        return [list(item) for item in self._seconds]

    @classmethod
    def from_state(cls, state: Any) -> Self:
        """The tape that to_state described."""
        return cls([list(item) for item in state])
