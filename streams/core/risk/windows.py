"""Sliding windows: exact to the event, bounded in memory, and functions of the events alone.

A window of time that ends at t covers the events after t - span, t included. Times are UTC nanoseconds and never step
back. A window of time holds at most OBSERVATIONS_MAX times; each class says what happens beyond.
"""

from collections import deque
from typing import Any

OBSERVATIONS_MAX = 10_000


class Window:
    """A sliding window with its state."""

    def clear(self) -> None:
        """Empties the window."""
        raise NotImplementedError

    def to_state(self) -> Any:
        """Returns the window in JSON-able form."""
        raise NotImplementedError

    def load(self, state: Any) -> None:
        """Takes a state that to_state returned."""
        raise NotImplementedError


class EventWindow(Window):
    """The number of events in the last span_ns. It is exact below the limit; above, it is at least the limit.

    The window keeps only as many of the newest events as it takes to reach the limit.
    """

    def __init__(self, limit: int, span_ns: int) -> None:
        self._limit = limit
        self._span_ns = span_ns
        self._events: deque[tuple[int, int]] = deque()
        self._count = 0

    def add(self, now_ns: int, events: int = 1) -> int:
        """Adds events and returns the number in the window that ends now."""
        kept = self._events
        kept.append((now_ns, events))
        count = self._count + events
        start = now_ns - self._span_ns
        while kept and (kept[0][0] <= start or count - kept[0][1] >= self._limit):
            count -= kept.popleft()[1]
        self._count = count
        return count

    def clear(self) -> None:
        """See Window."""
        self._events.clear()
        self._count = 0

    def to_state(self) -> Any:
        """See Window."""
        return [list(item) for item in self._events]

    def load(self, state: Any) -> None:
        """See Window."""
        self._events = deque((time_ns, events) for time_ns, events in state)
        self._count = sum(events for _, events in self._events)


class RateWindow(Window):
    """Observations and failures among the last count observations, or among those of the last span_ns.

    A window of time keeps the newest OBSERVATIONS_MAX times; if there are more, it is a window of these.
    """

    def __init__(self, count: int | None, span_ns: int | None) -> None:
        self._limit = count
        self._span_ns = span_ns
        self._kept: deque[tuple[int, int, int]] = deque()
        self.observations = 0
        self.failures = 0

    def add(self, now_ns: int, observations: int, failures: int) -> None:
        """Adds observations and how many of them failed. A window by count takes them one by one."""
        kept = self._kept
        if self._span_ns is not None and kept and kept[-1][0] == now_ns:
            _, before, failed = kept.pop()
            kept.append((now_ns, before + observations, failed + failures))
        else:
            kept.append((now_ns, observations, failures))
        self.observations += observations
        self.failures += failures
        if self._span_ns is None:
            self._shrink(self._limit or 0)
        else:
            while kept and kept[0][0] <= now_ns - self._span_ns:
                self._drop()
            self._shrink(OBSERVATIONS_MAX)

    def _shrink(self, limit: int) -> None:
        while len(self._kept) > limit:
            self._drop()

    def _drop(self) -> None:
        _, observations, failures = self._kept.popleft()
        self.observations -= observations
        self.failures -= failures

    def clear(self) -> None:
        """See Window."""
        self._kept.clear()
        self.observations = self.failures = 0

    def to_state(self) -> Any:
        """See Window."""
        return [list(item) for item in self._kept]

    def load(self, state: Any) -> None:
        """See Window."""
        self._kept = deque((time_ns, observations, failures) for time_ns, observations, failures in state)
        self.observations = sum(item[1] for item in self._kept)
        self.failures = sum(item[2] for item in self._kept)


class SumWindow(Window):
    """The sum of the last count values."""

    def __init__(self, count: int) -> None:
        self._limit = count
        self._values: deque[int] = deque()
        self.total = 0

    def __len__(self) -> int:
        return len(self._values)

    def add(self, value: int) -> None:
        """Adds a value."""
        self._values.append(value)
        self.total += value
        if len(self._values) > self._limit:
            self.total -= self._values.popleft()

    def clear(self) -> None:
        """See Window."""
        self._values.clear()
        self.total = 0

    def to_state(self) -> Any:
        """See Window."""
        return list(self._values)

    def load(self, state: Any) -> None:
        """See Window."""
        self._values = deque(state)
        self.total = sum(self._values)


class HighWindow(Window):
    """The highest level of the last span_ns, with the level in force at the window's start.

    A level holds until the next one. The window keeps only levels that can still become the highest, at most
    OBSERVATIONS_MAX. If there are more, the older of the two newest stands for both, so the highest is never too low.
    """

    def __init__(self, span_ns: int) -> None:
        self._span_ns = span_ns
        self._levels: deque[tuple[int, int]] = deque()
        """Ends of levels with the levels, which fall. The last level still holds; its time is its start."""

    def __len__(self) -> int:
        return len(self._levels)

    def add(self, now_ns: int, level: int) -> int:
        """Adds the level in force from now on, and returns the highest of the window that ends now."""
        kept = self._levels
        if kept:
            kept[-1] = (now_ns, kept[-1][1])
        while kept and kept[-1][1] <= level:
            kept.pop()
        if len(kept) >= OBSERVATIONS_MAX:
            ended_ns, _ = kept.pop()
            kept[-1] = (ended_ns, kept[-1][1])
        kept.append((now_ns, level))
        start = now_ns - self._span_ns
        while len(kept) > 1 and kept[0][0] <= start:
            kept.popleft()
        return kept[0][1]

    def shift(self, amount: int) -> None:
        """Moves all levels by a deposit or withdrawal."""
        self._levels = deque((time_ns, level + amount) for time_ns, level in self._levels)

    def clear(self) -> None:
        """See Window."""
        self._levels.clear()

    def to_state(self) -> Any:
        """See Window."""
        return [list(item) for item in self._levels]

    def load(self, state: Any) -> None:
        """See Window."""
        self._levels = deque((time_ns, level) for time_ns, level in state)
