"""Top of book of one symbol as the venue knows it."""

from dataclasses import dataclass

SIZE_UNKNOWN = -1
"""Displayed size where the source has none: it limits nothing."""


@dataclass(slots=True)
class Quote:
    """Prices 1e-9 of the currency, sizes 1e-9 units; a side with size 0 is absent.

    bid_available, ask_available: displayed size that no simulated order has taken since the last refresh.
    ts: source time, UTC nanoseconds.
    """

    bid_px: int
    bid_sz: int
    ask_px: int
    ask_sz: int
    ts: int
    bid_available: int
    ask_available: int

    @property
    def bid(self) -> int | None:
        """Bid price, None where there is no bid."""
        return self.bid_px if self.bid_sz else None

    @property
    def ask(self) -> int | None:
        """Ask price, None where there is no ask."""
        return self.ask_px if self.ask_sz else None

    def available(self, buying: bool) -> int:
        """What an order may still take from the opposite side; SIZE_UNKNOWN where nothing limits it."""
        return self.ask_available if buying else self.bid_available

    def take(self, buying: bool, quantity: int) -> None:
        """Takes displayed size from the opposite side, 1e-9 units."""
        if self.available(buying) == SIZE_UNKNOWN:
            return
        assert quantity <= self.available(buying), "displayed size is never used twice"
        if buying:
            self.ask_available -= quantity
        else:
            self.bid_available -= quantity
