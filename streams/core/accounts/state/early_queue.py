"""Requests for later: each waits in its account, unjudged, until the market has come to its time (decision 15)."""

from heapq import heapify, heappop, heappush

from schemas.records.messages import OrderRequest
from schemas.records.numbers import NANOS_PER_DAY, NANOS_PER_MS, NANOS_PER_S

WAITING_MAX = 1_000
"""Requests that may wait for each account."""
AHEAD_MAX_NS = NANOS_PER_DAY
"""A request whose time is further ahead of the market is refused."""
GRACE_MIN_NS = NANOS_PER_S
"""The least of grace_ns: more than a strategy's own latency."""
DEAD_MAX = 64
"""Entries that the queue may hold beyond twice the requests that wait; above it, entries of others are removed."""
NEVER_DUE_NS = 2**63
"""A time after all times."""


def grace_ns(mark_interval_ms: int) -> int:
    """Returns how far a request may be ahead and is judged at once.

    Within the interval of marks the shard can't know how far the market is.
    """
    return max(mark_interval_ms * NANOS_PER_MS, GRACE_MIN_NS)


class EarlyRequest:
    """A request that waits until due_ns (UTC nanoseconds): its own time, or that of the order that it changes."""

    __slots__ = ("due_ns", "request", "waits")

    def __init__(self, due_ns: int, request: OrderRequest) -> None:
        self.due_ns = due_ns
        self.request = request
        self.waits = True


class EarlyQueue:
    """The early requests of a shard in the order of due time, account and arrival.

    Accounts hold the requests by id. The queue is derived from them: it has no state of its own.
    """

    def __init__(self) -> None:
        self._entries: list[tuple[int, str, int, EarlyRequest]] = []
        self._count = 0
        self._waiting = 0

    @property
    def next_ns(self) -> int:
        """No request is due before this time, UTC nanoseconds."""
        return self._entries[0][0] if self._entries else NEVER_DUE_NS

    def add(self, early: EarlyRequest) -> None:
        """Adds a request behind those of its account with the same due time."""
        self._count += 1
        self._waiting += 1
        heappush(self._entries, (early.due_ns, early.request.account_id, self._count, early))

    def discard(self, early: EarlyRequest) -> None:
        """Removes a request that waits no more."""
        early.waits = False
        self._waiting -= 1
        if len(self._entries) > 2 * self._waiting + DEAD_MAX:
            self._entries = [entry for entry in self._entries if entry[3].waits]
            heapify(self._entries)

    def take_due(self, time_ns: int) -> OrderRequest | None:
        """Removes and returns the next request that is due at or before a time; None if there is none."""
        while self._entries and self._entries[0][0] <= time_ns:
            early = heappop(self._entries)[3]
            if early.waits:
                early.waits = False
                self._waiting -= 1
                return early.request
        return None
