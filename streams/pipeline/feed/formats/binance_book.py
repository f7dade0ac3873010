"""The book of a Binance symbol from its depth stream and snapshots, by the numbers of their updates.

Sources: https://developers.binance.com/docs/binance-spot-api-docs/web-socket-streams, "How to manage a local order book
correctly", and the same of the derivatives, where each update also names the one before it (pu).
"""

from collections import deque
from typing import NamedTuple

from streams.pipeline.feed.formats.book_fold import BookFold

WAITING_MAX = 10_000
"""Most updates that are kept for a snapshot to come; older ones are forgotten."""
Changes = tuple[tuple[int, int, int], ...]
"""Side, price and size of each changed level; prices and sizes in 1e-9."""


class DepthUpdate(NamedTuple):
    """An update of a book. first, last: U and u. before: pu, None if the market does not send it."""

    first: int
    last: int
    before: int | None
    changes: Changes


class BinanceBook:
    """The book of a symbol.

    book: as far as it is known; None before the first snapshot and after a gap. halted: whether it is lost by a gap.
    """

    def __init__(self) -> None:
        self.book: BookFold | None = None
        self.halted = False
        self._last = 0
        self._fresh = False
        self._waiting: deque[DepthUpdate] = deque(maxlen=WAITING_MAX)

    def take_snapshot(self, last: int, changes: Changes) -> bool:
        """Begins anew with a snapshot and the updates that waited for it. Returns whether the book is known then."""
        self.book, self._last, self._fresh = BookFold(), last, True
        self._change(changes)
        while self._waiting and self.book is not None:
            self._apply(self._waiting.popleft())
        if self.book is not None:
            self.halted = False
        return self.book is not None

    def take_update(self, update: DepthUpdate) -> bool:
        """Applies an update. Returns whether the book changed; after a gap, book is None."""
        if self.book is None:
            self._waiting.append(update)
            return False
        return self._apply(update)

    def _apply(self, update: DepthUpdate) -> bool:
        if self._is_old(update):
            return False
        if not self._follows(update):
            self.book, self.halted = None, True
            self._waiting.clear()
            self._waiting.append(update)
            return False
        self._last, self._fresh = update.last, False
        self._change(update.changes)
        return True

    def _is_old(self, update: DepthUpdate) -> bool:
        if self._fresh and update.before is not None:
            return update.last < self._last
        return update.last <= self._last

    def _follows(self, update: DepthUpdate) -> bool:
        """Returns whether an update continues the book; the first one after a snapshot may overlap it."""
        if update.before is None:
            return update.first <= self._last + 1 if self._fresh else update.first == self._last + 1
        return update.before == self._last or (self._fresh and update.first <= self._last)

    def _change(self, changes: Changes) -> None:
        assert self.book is not None, "changes have a book"
        for side, price, size in changes:
            self.book.change(side, price, size)
