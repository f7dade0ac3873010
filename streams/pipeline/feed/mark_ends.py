"""Cutting a market into records that end where a mark is due, so that accounts see it as if each update came alone.

An execution shard sends at most one mark for a record. Records that hold a second or more hide marks from accounts.
"""

import numpy as np

from schemas.records.numbers import NANOS_PER_MS
from streams.pipeline.feed.pack import UPDATES_PER_RECORD
from streams.pipeline.feed.table import Flags, MarketTable


def mark_ends(table: MarketTable, mark_interval_ms: int) -> Flags:
    """Returns whether a record of its symbol ends with each row: after the update at which a mark is due.

    Args:
        table: the market, from its beginning.
        mark_interval_ms: the least market time between two marks of a symbol.
    """
    ends = np.zeros(len(table), np.bool_)
    for code in range(len(table.symbols)):
        rows = np.flatnonzero(table.symbol == code)
        times, at = table.time[rows], 0
        while at < len(rows):
            due = int(times.searchsorted(times[at] + mark_interval_ms * NANOS_PER_MS))
            due = max(due, at + 1)
            ends[rows[at:due:UPDATES_PER_RECORD]] = True
            at = due
    return ends
