"""Counts refused orders of each account in a window of time, and gives one notice for each full count."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from streams.operations.notify.notice import Notice, NoticePlace

NANOS_PER_S = 1_000_000_000


class RejectRate:
    """Windows of refused orders by account, on the broker's times.

    A window that is full gives one notice and begins anew, so the next notice needs as many refusals again.
    """

    def __init__(self, at_least: int, within_s: float) -> None:
        self._at_least = at_least
        self._within_s = within_s
        self._windows: dict[str, deque[Notice]] = {}

    def take(self, notice: Notice) -> Notice | None:
        """Counts a refused order; returns a notice if its account's window is full."""
        window = self._windows.setdefault(notice.key, deque())
        window.append(notice)
        self.forget(notice.time_ns)
        if len(window) < self._at_least:
            return None
        del self._windows[notice.key]
        return Notice(
            "Refused orders",
            f"{notice.key}: {len(window)} refused within {self._within_s:g} s; the last: {notice.text}",
            notice.key,
            notice.time_ns,
            tuple(place for item in window for place in item.places),
            any(item.is_repeat for item in window),
        )

    def forget(self, now_ns: int) -> None:
        """Drops what is older than the window."""
        oldest = now_ns - int(self._within_s * NANOS_PER_S)
        for key, window in list(self._windows.items()):
            while window and window[0].time_ns < oldest:
                window.popleft()
            if not window:
                del self._windows[key]

    def places(self) -> Iterator[NoticePlace]:
        """Yields the first counted record of each account and partition."""
        for window in self._windows.values():
            yield from window[0].places
