"""The file of a deep market for hftbacktest: its events make the books again, and never an empty or crossed one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.records.enums import Side
from streams.errors import PeerError
from streams.pipeline.feed.synthetic import SyntheticMarket, synthetic
from streams.pipeline.feed.table import MarketTable
from streams.tools.bench.peers.compare_depth import depth_cases, rows
from streams.tools.bench.peers.depth_file import ASK, BID, BUY, SELL, DepthFile
from streams.tools.bench.peers.make_depth_file import make_depth_file
from streams.tools.bench.peers.make_market_file import first_symbol
from streams.tools.bench.peers.market_file import load_arrays, save_arrays
from streams.tools.bench.touch_orders import LIFETIME_NS, best_prices, touch_orders
from tests import builders

ABC = builders.instrument("ABC")
Side_ = dict[int, int]
SIDES = st.tuples(
    st.lists(st.integers(1, 50), min_size=1, max_size=4, unique=True),
    st.lists(st.integers(51, 100), min_size=1, max_size=4, unique=True),
    st.integers(-20, 20),
)
"""Prices of bids and asks, and how far the whole market has moved."""


def table_of(books: list[tuple[Side_, Side_]], trades: dict[int, tuple[int, int, str]]) -> MarketTable:
    """Returns books, each best first, a nanosecond apart. trades: price, size and aggressor before a book."""
    found: list[tuple[int, int, int, int, int, int]] = []
    px, sz = list[int](), list[int]()
    for number, (bids, asks) in enumerate(books):
        if number in trades:
            price, size, aggressor = trades[number]
            found.append((ord("T"), number, price, size, ord(aggressor), 0))
        found.append((ord("B"), number, len(px), len(bids), len(asks), 0))
        for side, falling in ((bids, True), (asks, False)):
            px += sorted(side, reverse=falling)
            sz += [side[price] for price in sorted(side, reverse=falling)]
    kind, time, a, b, c, d = np.array(found, np.int64).T
    symbol, levels = np.zeros(len(found), np.int32), (np.array(px, np.int64), np.array(sz, np.int64))
    return MarketTable(("ABC",), symbol, kind.astype(np.uint8), time, a, b, c, d, *levels)


@given(st.lists(st.tuples(SIDES, st.integers(1, 3)), min_size=1, max_size=12))
def test_events_make_the_books_again(drawn: list[tuple[tuple[list[int], list[int], int], int]]) -> None:
    books = [
        ({100 + px + move: size for px in bids}, {100 + px + move: size for px in asks})
        for (bids, asks, move), size in drawn
    ]
    market = make_depth_file(table_of(books, {}), ABC, [], 0)
    sides: tuple[Side_, Side_] = ({}, {})
    for number, book in enumerate(books):
        for at in np.flatnonzero(market.event_ts == number).tolist():
            side, px, size = sides[int(market.event_kind[at])], int(market.event_px[at]), int(market.event_sz[at])
            if size:
                side[px] = size
            else:
                del side[px]
                assert side, "no side is ever empty"
            assert not all(sides) or max(sides[BID]) < min(sides[ASK]), "the order of changes never crosses the book"
        assert sides == book


def test_trades_and_orders_are_taken_as_they_are(tmp_path: Path) -> None:
    book = ({100: 5}, {102: 7})
    table = table_of([book, book, book], {1: (102, 3, "B"), 2: (100, 2, "S")})
    orders = list(touch_orders(table, ABC, 2))
    save_arrays(make_depth_file(table, ABC, orders, 9), tmp_path / "depth.npz")
    market = load_arrays(DepthFile, tmp_path / "depth.npz")
    found = list(zip(*(column.tolist() for column in market[:4]), strict=True))
    assert found == [(0, BID, 100, 5), (0, ASK, 102, 7), (1, BUY, 102, 3), (2, SELL, 100, 2)]
    assert (market.order_side.tolist(), market.order_px.tolist()) == ([1, -1], [100, 102])
    assert market.latency_ns.tolist() == [9]


@pytest.mark.parametrize("count", [1, 7, 1_000])
def test_orders_are_spread_over_the_market_at_its_touch(count: int) -> None:
    table = first_symbol(synthetic(SyntheticMarket(1, seconds=60), (ABC,)))
    time, bid, ask = best_prices(table)
    orders = list(touch_orders(table, ABC, count))
    assert len({order.order_id for order in orders}) == count
    assert orders[0].order_ts == time[0]
    assert count == 1 or orders[-1].order_ts == time[-1]
    for number, order in enumerate(orders):
        assert order.side is (Side.SELL if number % 2 else Side.BUY)
        prices = (ask if number % 2 else bid)[time == order.order_ts]
        assert order.price in prices
        assert order.expire_ts == order.order_ts + LIFETIME_NS


def test_a_side_without_a_size_is_refused() -> None:
    table = table_of([({100: 5}, {})], {})
    with pytest.raises(PeerError, match=r"ABC: .*both sides of the market.*--peers"):
        make_depth_file(table, ABC, [], 0)


def test_without_recorded_files_the_given_quotes_are_compared(tmp_path: Path) -> None:
    table = first_symbol(synthetic(SyntheticMarket(1, seconds=5), (ABC,)))
    (case,) = depth_cases(tmp_path, table)
    assert (case.name, case.table) == ("l1", table)
    part = rows(table, slice(2, 5))
    assert part.time.tolist() == table.time[2:5].tolist()
    assert part.bid_px.tolist() == table.bid_px[2:5].tolist()
