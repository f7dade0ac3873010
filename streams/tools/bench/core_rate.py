"""Events a second through the pure core, with quotes and with books of several levels."""

import time
from collections.abc import Iterator, Mapping

from schemas.records.messages import MarketData
from schemas.records.numbers import to_price
from schemas.records.output import Message
from streams.core.core_config import CoreConfig
from streams.core.market.market_data import BOOK, QUOTE
from streams.core.reference.declarations import InstrumentConfig
from streams.pipeline.feed.pack import UPDATES_PER_RECORD, pack
from streams.pipeline.feed.table import MarketTable
from streams.tools.bench.bench_orders import bench_orders, order_requests, session_opening
from streams.tools.bench.in_memory import InMemoryPipeline

ACCOUNT = "bench-core"
LEVELS = 10
"""Levels on each side of a deep book."""


def core_events_per_s(
    config: CoreConfig,
    table: MarketTable,
    instruments: Mapping[str, InstrumentConfig],
    orders: int,
    deep: bool = False,
) -> float:
    """Returns the records applied a second while orders are checked, filled and booked between batches of quotes.

    deep: each quote becomes a book of LEVELS levels on each side.
    """
    pipeline = InMemoryPipeline(config)
    records: list[Message] = list(session_records(table, instruments, orders))
    if deep:
        ticks = {symbol: to_price(item.tick_size) for symbol, item in instruments.items()}
        records = [_deepened(item, ticks[item.symbol]) if isinstance(item, MarketData) else item for item in records]
    started = time.perf_counter()
    for record in records:
        pipeline.deliver(record)
    return pipeline.events / (time.perf_counter() - started)


def _deepened(record: MarketData, tick: int) -> MarketData:
    """Makes each quote the best level of a book; the levels behind it are a tick apart and of the same size."""
    prices: list[int] = []
    sizes: list[int] = []
    for bid, bid_sz, ask, ask_sz in zip(record.bid_px, record.bid_sz, record.ask_px, record.ask_sz, strict=True):
        prices += [*(max(bid - depth * tick, 1 + LEVELS - depth) for depth in range(LEVELS))]
        prices += [*(ask + depth * tick for depth in range(LEVELS))]
        sizes += [max(bid_sz, 1)] * LEVELS + [max(ask_sz, 1)] * LEVELS
    counts = [LEVELS] * len(record.bid_px)
    return record._replace(
        kinds=record.kinds.replace(QUOTE, BOOK),
        bid_px=[],
        bid_sz=[],
        ask_px=[],
        ask_sz=[],
        book_bids=counts,
        book_asks=counts,
        book_px=prices,
        book_sz=sizes,
    )


def session_records(table: MarketTable, instruments: Mapping[str, InstrumentConfig], orders: int) -> Iterator[Message]:
    """Yields the records of a session: its opening, then batches of the market, each with its share of the orders."""
    yield session_opening(ACCOUNT, bench_orders(table, instruments, len(table))[0].currency)
    step = UPDATES_PER_RECORD * len(table.symbols)
    stops = [*range(step, len(table), step), len(table)]
    sent = 0
    for number, stop in enumerate(stops, 1):
        yield from pack(table, (number - 1) * step, stop)
        share = orders * number // len(stops) - sent
        yield from order_requests(ACCOUNT, bench_orders(table, instruments, stop), share, sent)
        sent += share
