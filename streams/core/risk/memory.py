"""The memory of the rate controls: when an account sent what. It is bounded by the limits and outlives sessions."""

from __future__ import annotations

from collections import OrderedDict, defaultdict, deque
from typing import Any, NamedTuple, Self

from schemas.records.enums import Action
from schemas.records.messages import OrderRequest

ALIKE_MAX = 1_000
"""Number of different orders of a window that are remembered; beyond it the order longest unseen is forgotten."""


class Times:
    """The newest times of an event, UTC nanoseconds, in order."""

    __slots__ = ("_times",)

    def __init__(self, times: list[int] | None = None) -> None:
        self._times = deque(times or ())

    def add(self, now_ns: int, keep: int) -> None:
        """Adds a time. keep: the number of times that are remembered."""
        self._times.append(now_ns)
        while len(self._times) > keep:
            self._times.popleft()

    def count(self, now_ns: int, window_ns: int) -> int:
        """Returns the number of remembered times after now - window."""
        times, start_ns = self._times, now_ns - window_ns
        while times and times[0] <= start_ns:
            times.popleft()
        return len(times)

    @property
    def last(self) -> int:
        """The newest time."""
        return self._times[-1]

    def to_state(self) -> list[int]:
        """Returns the state in JSON-able form."""
        return list(self._times)


class Outcomes:
    """The newest cancels and fills with their times."""

    __slots__ = ("_cancels", "_events")

    def __init__(self, events: list[list[Any]] | None = None) -> None:
        self._events = deque((time_ns, cancel) for time_ns, cancel in events or ())
        self._cancels = sum(cancel for _, cancel in self._events)

    def add(self, now_ns: int, cancel: bool, keep: int) -> None:
        """Adds a cancel or a fill. keep: the number of both that are remembered."""
        self._events.append((now_ns, cancel))
        self._cancels += cancel
        while len(self._events) > keep:
            self._cancels -= self._events.popleft()[1]

    def count(self, now_ns: int, window_ns: int) -> tuple[int, int]:
        """Returns the numbers of cancels and of fills after now - window."""
        events, start_ns = self._events, now_ns - window_ns
        while events and events[0][0] <= start_ns:
            self._cancels -= events.popleft()[1]
        return self._cancels, len(events) - self._cancels

    def to_state(self) -> list[list[Any]]:
        """Returns the state in JSON-able form."""
        return [list(event) for event in self._events]


Alike = tuple[str, str, int | None, int | None, int | None]
"""Symbol, side, quantity, price, stop price."""


class Repeats:
    """The times of equal orders, by what makes orders equal; the order longest unseen comes first."""

    __slots__ = ("_newest", "_times")

    def __init__(self, state: list[list[Any]] | None = None) -> None:
        self._newest = Times()
        # A dict would walk over all deleted entries to find its first key.
        self._times: OrderedDict[Alike, Times] = OrderedDict(
            ((a, b, c, d, e), Times(times)) for (a, b, c, d, e), times in state or ()
        )

    def add(self, request: OrderRequest, now_ns: int, keep: int, window_ns: int) -> None:
        """Adds a new order. keep: the number of equal orders that are remembered, within the window."""
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
        """Returns how often the order that was added last came after now - window."""
        return self._newest.count(now_ns, window_ns)

    def to_state(self) -> list[list[Any]]:
        """Returns the state in JSON-able form."""
        return [[list(key), times.to_state()] for key, times in self._times.items()]


class Kept(NamedTuple):
    """The part of an account's past that its limits need, as numbers of events; 0: nothing."""

    messages: int
    orders: int
    orders_by_symbol: int
    outcomes: int
    repeats: int
    repeats_window_ns: int


class Memory:
    """The memory of one account. warned: warnings that are not repeated, by control and instrument."""

    __slots__ = ("messages", "orders", "orders_by_symbol", "outcomes", "repeats", "warned")

    def __init__(self) -> None:
        self.messages = Times()
        self.orders = Times()
        self.orders_by_symbol: defaultdict[str, Times] = defaultdict(Times)
        """By symbol, only for instruments of the reference data."""
        self.outcomes = Outcomes()
        self.repeats = Repeats()
        self.warned: dict[str, None] = {}

    def count_message(self, kept: Kept, request: OrderRequest, symbol: str | None, now_ns: int) -> None:
        """Counts a request. symbol: the instrument of an order or replace; None if it is not known."""
        if kept.messages:
            self.messages.add(now_ns, kept.messages)
        if request.action is Action.NEW or request.action is Action.REPLACE:
            if kept.orders:
                self.orders.add(now_ns, kept.orders)
            if kept.orders_by_symbol and symbol is not None:
                self.orders_by_symbol[symbol].add(now_ns, kept.orders_by_symbol)
        elif kept.outcomes:
            self.outcomes.add(now_ns, True, kept.outcomes)

    def count_new_order(self, kept: Kept, request: OrderRequest, now_ns: int) -> None:
        """Counts a new order of a known instrument, with an id that was not used before."""
        if kept.repeats:
            self.repeats.add(request, now_ns, kept.repeats, kept.repeats_window_ns)

    def count_fill(self, kept: Kept, now_ns: int) -> None:
        """Counts an execution of one of the account's orders."""
        if kept.outcomes:
            self.outcomes.add(now_ns, False, kept.outcomes)

    def to_state(self) -> dict[str, Any]:
        """Returns the state in JSON-able form."""
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
        """Returns the memory that to_state described."""
        memory = cls()
        memory.messages, memory.orders = Times(state["messages"]), Times(state["orders"])
        memory.orders_by_symbol.update((symbol, Times(times)) for symbol, times in state["orders_by_symbol"].items())
        memory.outcomes, memory.repeats = Outcomes(state["outcomes"]), Repeats(state["repeats"])
        memory.warned = dict.fromkeys(state["warned"])
        return memory
