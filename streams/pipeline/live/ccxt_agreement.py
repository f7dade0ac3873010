"""Holds the best prices of a book against those of the venue's quotes.

A book that misses an update without a gap in its sequence stays wrong for good; the venue's quotes come on a stream of
their own and tell. The streams race, so only a disagreement that lasts is one (ccxt issue 28466).
"""

from decimal import Decimal

Top = tuple[Decimal, Decimal]
"""Best bid and best ask; 0 where a side is empty."""

NANOS = 1_000_000_000
WINDOW_NS = 2 * NANOS
"""The book may show what the quotes showed up to this long ago: it is the slower stream."""
LASTING_NS = 5 * NANOS
"""The time after which a disagreement counts."""
BOOKS_MIN = 10
"""The updates of the book that a disagreement must outlast: a market that stands still is no evidence."""
TOPS_MAX = 4_096


class Agreement:
    """The agreement of one symbol's book with its quotes. Times are of receipt, UTC nanoseconds."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Begins anew, as after a new subscription."""
        self._last: Top | None = None
        self._seen: dict[Top, int] = {}
        self._agreed_ns: int | None = None
        self._books = 0

    def quote(self, top: Top, now_ns: int) -> None:
        """Takes the best prices of a quote."""
        if len(self._seen) >= TOPS_MAX:
            self._seen = {top: at for top, at in self._seen.items() if now_ns - at <= WINDOW_NS}
        if self._last is not None:
            self._seen[self._last] = now_ns
        self._last = top

    def book_is_wrong(self, top: Top, now_ns: int) -> bool:
        """Takes the best prices of a book; returns whether it has disagreed with the quotes for too long."""
        if self._last is None:
            return False
        if self._agreed_ns is None or top == self._last or now_ns - self._seen.get(top, -WINDOW_NS) <= WINDOW_NS:
            self._agreed_ns, self._books = now_ns, 0
            return False
        self._books += 1
        return self._books >= BOOKS_MIN and now_ns - self._agreed_ns >= LASTING_NS
