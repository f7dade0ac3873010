"""Cutting a market table into transactions: by size at full speed, by market time at a given speed."""

import time
from collections.abc import Iterator
from threading import Event
from typing import NamedTuple

import numpy as np

from schemas.records.numbers import NANOS_PER_S
from streams.pipeline.feed.table import Ints

UPDATES_PER_TRANSACTION = 50_000
"""A commit takes about as long as encoding this many updates."""
SLICE_S = 0.02
HEARTBEAT_S = 1.0


class Slice(NamedTuple):
    """The rows of a transaction, up to stop.

    heartbeat_ns: market time after them, if a heartbeat is due. open_ended: another slice follows, even behind the last
    rows, which end the market otherwise.
    """

    stop: int
    heartbeat_ns: int | None = None
    open_ended: bool = False


def at_once(row: int, end: int, step: int = UPDATES_PER_TRANSACTION) -> Iterator[Slice]:
    """Cuts the rows from row to end into slices of step rows."""
    for start in range(row, end, step):
        yield Slice(min(start + step, end))


class MarketClock:
    """The market's time at a speed, which begins with the first update. speed: market seconds for each second."""

    def __init__(self, speed: float) -> None:
        self._speed = speed
        self._market_start: int | None = None
        self._wall_start = self._beat = 0.0

    def begin(self, market_ns: int) -> None:
        """Begins at a time of the market, unless it has begun."""
        if self._market_start is None:
            self._market_start = market_ns
            self._wall_start = self._beat = time.monotonic()

    def now_ns(self) -> int:
        """Returns the market's time, UTC nanoseconds."""
        assert self._market_start is not None
        return self._market_start + int((time.monotonic() - self._wall_start) * self._speed * NANOS_PER_S)

    def is_beat_due(self) -> bool:
        """Returns whether a heartbeat is due, and counts it as sent."""
        wall = time.monotonic()
        if wall - self._beat < HEARTBEAT_S:
            return False
        self._beat = wall
        return True


def paced(times: Ints, row: int, clock: MarketClock, stop: Event) -> Iterator[Slice]:
    """Yields rows when their times are due, the first at once, and a heartbeat each HEARTBEAT_S. Ends early on stop."""
    clock.begin(int(times[row]))
    while row < len(times) and not stop.is_set():
        market_ns = clock.now_ns()
        due = int(np.searchsorted(times, market_ns, side="right"))
        yield from at_once(row, due)
        row = max(row, due)
        if row < len(times):
            if clock.is_beat_due():
                yield Slice(row, market_ns)
            stop.wait(SLICE_S)
