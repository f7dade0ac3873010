"""Makes the file of a market with its orders in the form that hftbacktest reads."""

from collections.abc import Iterator, Sequence

import numpy as np

from schemas.records.messages import ApprovedOrder
from streams.core.reference.declarations import InstrumentConfig
from streams.errors import PeerError
from streams.pipeline.feed.table import BOOK, QUOTE, TRADE, MarketTable
from streams.tools.bench.peers.depth_file import ASK, BID, BUY, SELL, DepthFile
from streams.tools.bench.peers.order_columns import order_columns

Levels = dict[int, int]
"""Size by price of one side."""
Event = tuple[int, int, int, int]
"""Time, kind, price and size, as in DepthFile."""


def make_depth_file(
    table: MarketTable, config: InstrumentConfig, orders: Sequence[ApprovedOrder], latency_ns: int
) -> DepthFile:
    """Returns the events of a table with one symbol, and the orders.

    Raises PeerError if a side or a size is missing.
    """
    time, kind, px, size = np.array(list(_events(table)), np.int64).reshape(-1, 4).T
    terms = order_columns(orders, config, latency_ns)
    return DepthFile(event_ts=time, event_kind=kind, event_px=px, event_sz=size, **terms)


def _events(table: MarketTable) -> Iterator[Event]:
    bids, asks = Levels(), Levels()
    columns = (table.kind, table.time, table.bid_px, table.bid_sz, table.ask_px, table.ask_sz)
    for kind, time, a, b, c, d in zip(*(column.tolist() for column in columns), strict=True):
        if kind == TRADE:
            yield time, BUY if c == ord("B") else SELL, a, b
            continue
        shown = _shown(table, kind, a, b, c, d)
        if shown is None:
            continue
        if not all(side and min(side.values()) > 0 for side in shown):
            raise PeerError(
                f"{', '.join(table.symbols)}: other engines need both sides of the market with their sizes; choose "
                "another market, or omit --peers"
            )
        met = bool(bids and asks) and max(bids) >= min(asks)
        yield from _changes(time, (bids, asks), shown, met)
        bids, asks = shown


def _shown(table: MarketTable, kind: int, a: int, b: int, c: int, d: int) -> tuple[Levels, Levels] | None:
    """Returns bids and asks after an update; None if it is neither a quote nor a book."""
    if kind == QUOTE:
        return {a: b}, {c: d}
    if kind != BOOK:
        return None
    levels = list(zip(table.level_px[a : a + b + c].tolist(), table.level_sz[a : a + b + c].tolist(), strict=True))
    return dict(levels[:b]), dict(levels[b:])


def _changes(time: int, before: Sequence[Levels], shown: Sequence[Levels], met: bool) -> Iterator[Event]:
    """Yields the changes of both sides, first of the one that makes room, new levels before those that are gone.

    So no side is ever empty, and the order alone never crosses the book. met: both sides met before; then all levels
    are sent again, because hftbacktest drops a level that another one meets.
    """
    rises = bool(before[0]) and max(shown[0]) > max(before[0])
    for kind in (ASK, BID) if rises else (BID, ASK):
        old, new = before[kind], shown[kind]
        yield from ((time, kind, px, size) for px, size in new.items() if met or old.get(px) != size)
        yield from ((time, kind, px, 0) for px in old if px not in new)
