"""What the controls remember of an account: when it sent what, bounded by their limits; it outlives its sessions."""

from __future__ import annotations

from collections import OrderedDict, defaultdict, deque
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from schemas.records.messages import OrderRequest

ALIKE_MAX = 1_000
"""Different orders of a window that are remembered to know them again; of more, those longest unseen are forgotten."""


class Times:
    """The newest times of something, UTC nanoseconds, none before the one before it."""

    __slots__ = ("_times",)

    def __init__(self, times: list[int] | None = None) -> None:
        self._times = deque(times or ())

    def add(self, now_ns: int, keep: int) -> None:
        """It happened; keep: how many times are remembered."""
        self._times.append(now_ns)
        while len(self._times) > keep:
            self._times.popleft()

    def count(self, now_ns: int, window_ns: int) -> int:
        """How often after now - window, as far as it is remembered."""
        times, start_ns = self._times, now_ns - window_ns
        while times and times[0] <= start_ns:
            times.popleft()
        return len(times)

    @property
    def last(self) -> int:
        """The newest time."""
        return self._times[-1]

    def to_state(self) -> list[int]:
        """JSON-able form."""
        return list(self._times)


class Outcomes:
    """The newest cancels and fills: times, and which of the two."""

    __slots__ = ("_cancels", "_events")

    def __init__(self, events: list[list[Any]] | None = None) -> None:
        self._events = deque((time_ns, cancel) for time_ns, cancel in events or ())
        self._cancels = sum(cancel for _, cancel in self._events)

    def add(self, now_ns: int, cancel: bool, keep: int) -> None:
        """One happened; keep: how many are remembered."""
        self._events.append((now_ns, cancel))
        self._cancels += cancel
        while len(self._events) > keep:
            self._cancels -= self._events.popleft()[1]

    def count(self, now_ns: int, window_ns: int) -> tuple[int, int]:
        """Cancels and fills after now - window."""
        events, start_ns = self._events, now_ns - window_ns
        while events and events[0][0] <= start_ns:
            self._cancels -= events.popleft()[1]
        return self._cancels, len(events) - self._cancels

    def to_state(self) -> list[list[Any]]:
        """JSON-able form."""
        return [list(event) for event in self._events]


Alike = tuple[str, str, int | None, int | None, int | None]
"""Symbol, side, quantity, price, stop price."""


class Repeats:
    """When the same order came, by what makes orders the same; the one longest unseen first."""

    __slots__ = ("_newest", "_times")

    def __init__(self, state: list[list[Any]] | None = None) -> None:
        self._newest = Times()
        # Not a dict, which walks over all that was deleted to find its first key.
        self._times: OrderedDict[Alike, Times] = OrderedDict(
            ((a, b, c, d, e), Times(times)) for (a, b, c, d, e), times in state or ()
        )

    def add(self, request: OrderRequest, now_ns: int, keep: int, window_ns: int) -> None:
        """A new order came; keep: how many of the same are remembered, those of the window at most."""
        key = (request.symbol, request.side, request.quantity, request.price, request.stop_price)
        times = self._times.pop(key, None) or Times()
        times.add(now_ns, keep)
        self._times[key] = self._newest = times
        while len(self._times) > 1:
            oldest = next(iter(self._times))
            if len(self._times) <= ALIKE_MAX and self._times[oldest].last > now_ns - window_ns:
                return
            del self._times[oldest]

    def count_newest(self, now_ns: int, window_ns: int) -> int:
        """How often an order like the one that was added last came after now - window."""
        return self._newest.count(now_ns, window_ns)

    def to_state(self) -> list[list[Any]]:
        """JSON-able form."""
        return [[list(key), times.to_state()] for key, times in self._times.items()]


class Memory:
    """Of one account. warned: the warnings that are not to be repeated, by control and instrument."""

    __slots__ = ("messages", "orders", "orders_by_symbol", "outcomes", "repeats", "warned")

    def __init__(self) -> None:
        self.messages = Times()
        self.orders = Times()
        self.orders_by_symbol: defaultdict[str, Times] = defaultdict(Times)
        """Of instruments in the reference data only."""
        self.outcomes = Outcomes()
        self.repeats = Repeats()
        self.warned: dict[str, None] = {}

    def to_state(self) -> dict[str, Any]:
        """JSON-able form."""
        return {
            "messages": self.messages.to_state(),
            "orders": self.orders.to_state(),
            "orders_by_symbol": {symbol: times.to_state() for symbol, times in self.orders_by_symbol.items()},
            "outcomes": self.outcomes.to_state(),
            "repeats": self.repeats.to_state(),
            "warned": list(self.warned),
        }

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Self:
        """The memory that to_state described."""
        memory = cls()
        memory.messages, memory.orders = Times(state["messages"]), Times(state["orders"])
        memory.orders_by_symbol.update((symbol, Times(times)) for symbol, times in state["orders_by_symbol"].items())
        memory.outcomes, memory.repeats = Outcomes(state["outcomes"]), Repeats(state["repeats"])
        memory.warned = dict.fromkeys(state["warned"])
        return memory
