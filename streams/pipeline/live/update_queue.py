"""The bounded queue between a live source and Kafka: quotes conflate while Kafka is slow, trades and books do not."""

from collections.abc import Sequence
from typing import NamedTuple

from streams.pipeline.live.source import LiveBook, LiveHalt, LiveQuote, LiveResume, LiveUpdate

QUEUE_MAX = 200_000
"""Most price levels that wait; a quote and a trade count as one. A level takes some 300 bytes."""
CONFLATE_SHARE = 2
"""Part of the queue, as 1/CONFLATE_SHARE, that is filled before quotes conflate."""


class Overflow(NamedTuple):
    """From here on updates of all symbols are missing, until the queue was emptied."""

    received_ns: int


Queued = LiveUpdate | Overflow


class UpdateQueue:
    """The updates that wait to be written, in order.

    While the queue is filled by half, the newest quote of a symbol replaces the one before it that still waits. When
    it is full, an Overflow is put into it, and it takes no more updates until it was emptied; halts and resumptions
    are always taken.

    Attributes:
        conflated: quotes that were replaced.
        overflows: times that the queue was full.
        missed: updates that came while it was full.
    """

    def __init__(self, most: int = QUEUE_MAX) -> None:
        self._most = most
        self._items: list[Queued | None] = []
        self._newest_quote: dict[str, int] = {}
        self._weight = 0
        self._full = False
        self.conflated = 0
        self.overflows = 0
        self.missed = 0

    def __len__(self) -> int:
        """Returns the number of price levels that wait."""
        return self._weight

    def put(self, update: LiveUpdate) -> None:
        """Adds the next update."""
        if isinstance(update, LiveHalt | LiveResume):
            self._items.append(update)
            return
        if self._full:
            self.missed += 1
            return
        if isinstance(update, LiveQuote):
            self._put_quote(update)
        weight = _weight(update)
        if self._weight + weight > self._most:
            self._full = True
            self.overflows += 1
            self.missed += 1
            self._items.append(Overflow(update.received_ns))
            return
        if isinstance(update, LiveQuote):
            self._newest_quote[update.symbol] = len(self._items)
        self._weight += weight
        self._items.append(update)

    def _put_quote(self, quote: LiveQuote) -> None:
        """Makes room for a quote, if quotes conflate now and one of its symbol waits."""
        if self._weight * CONFLATE_SHARE < self._most:
            return
        place = self._newest_quote.get(quote.symbol)
        if place is not None:
            self._items[place] = None
            self._weight -= 1
            self.conflated += 1

    def take(self) -> Sequence[Queued]:
        """Returns all that waits, and empties the queue."""
        taken = [item for item in self._items if item is not None]
        self._items, self._newest_quote, self._weight, self._full = [], {}, 0, False
        return taken


def _weight(update: LiveUpdate) -> int:
    return 1 + len(update.bids) + len(update.asks) if isinstance(update, LiveBook) else 1
