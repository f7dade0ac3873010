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


def paced(times: Ints, row: int, speed: float, stop: Event) -> Iterator[Slice]:
    """Yields rows when their times are due, the first at once, and a heartbeat each HEARTBEAT_S. Ends early on stop.

    speed: market seconds for each second.
    """
    wall_start, market_start = time.monotonic(), int(times[row])
    beat = wall_start
    while row < len(times) and not stop.is_set():
        wall = time.monotonic()
        market_ns = market_start + int((wall - wall_start) * speed * NANOS_PER_S)
        due = int(np.searchsorted(times, market_ns, side="right"))
        yield from at_once(row, due)
        row = max(row, due)
        if wall - beat >= HEARTBEAT_S and row < len(times):
            yield Slice(row, market_ns)
            beat = wall
        stop.wait(SLICE_S)
