"""A place in the queue at a price: the size ahead of it, and how trades and changes of the displayed size move it."""

from typing import Protocol, Self

Share = tuple[int, int]
"""Numerator and denominator of a probability."""


class QueueModel(Protocol):
    """The interface of queue models. The probability is within 0 and 1 and depends on the two sizes alone."""

    def from_behind(self, before: int, behind: int) -> Share:
        """Returns the probability that a unit that left was behind the order; sizes in 1e-9 units, not both 0."""
        ...

    def describe(self) -> str:
        """Returns the name and the parameters."""
        ...


class QueuePlace:
    """A place in the queue at a price, which orders share once nothing tells them apart. Sizes: 1e-9 units.

    ahead: displayed size ahead; None if it was not visible. shown: displayed size at the price at the last update of
    the book, None if it is not visible. traded: size that has traded at the price since then.
    """

    def __init__(self, ahead: int | None = None, shown: int | None = None, traded: int = 0) -> None:
        self.ahead, self.shown, self.traded = ahead, shown, traded

    def copy(self) -> Self:
        """Returns the same place as an object of its own."""
        return type(self)(self.ahead, self.shown, self.traded)

    def equals(self, other: "QueuePlace") -> bool:
        """Returns whether nothing tells the two places apart."""
        return self.ahead == other.ahead and self.shown == other.shown and self.traded == other.traded

    def see_trade(self, size: int) -> None:
        """Takes the size of a trade at the price from the front of the queue."""
        self.traded += size
        if self.ahead is not None:
            self.ahead = max(self.ahead - size, 0)

    def see_level(self, displayed: int | None, model: QueueModel) -> bool:
        """Moves the place by the displayed size at the price, None if that is not visible; returns whether it moves.

        A place whose queue becomes visible joins it at its end. To see the same size again changes nothing. Trades
        since the last update count as a move.
        """
        has_traded = self.traded != 0
        if displayed is None:
            self.shown, self.traded = None, 0
            return has_traded
        ahead, seen = self.ahead, self.shown
        if ahead is None:
            ahead = displayed
        elif seen is not None and displayed < seen:
            left = max(seen - displayed - self.traded, 0)
            behind = max(seen - self.traded - ahead, 0)
            if left and ahead + behind:
                share, total = model.from_behind(ahead, behind)
                from_behind = min(left * share // total, behind)
                ahead -= min(left - from_behind, ahead)
        if ahead > displayed:
            ahead = displayed
        has_moved = has_traded or ahead != self.ahead
        self.ahead, self.shown, self.traded = ahead, displayed, 0
        return has_moved
