"""Events a second through the pure core: both kinds of shard in this process, no Kafka, no encoding."""

import time
from collections import deque
from collections.abc import Iterator, Mapping

from schemas.records.messages import ApprovedOrder, MarketData
from schemas.records.numbers import to_price
from schemas.records.output import Message
from streams.core.accounts.account_shard import AccountShard
from streams.core.core_config import CoreConfig
from streams.core.market.market_data import BOOK, QUOTE
from streams.core.reference.declarations import InstrumentConfig
from streams.core.venue.execution_shard import ExecutionShard
from streams.pipeline.feed.pack import pack
from streams.pipeline.feed.send import UPDATES_PER_RECORD
from streams.pipeline.feed.table import MarketTable
from streams.tools.bench.bench_orders import bench_orders, opening, tickets

ACCOUNT = "bench-core"


LEVELS = 10


def core_events_per_s(
    config: CoreConfig,
    table: MarketTable,
    instruments: Mapping[str, InstrumentConfig],
    orders: int,
    deep: bool = False,
) -> float:
    """Records applied a second while orders are checked, filled and booked between batches of quotes.

    deep: each quote comes as a book of LEVELS levels a side.
    """
    config = config.model_copy(update={"account_partitions": 1, "execution_partitions": 1})
    accounts, execution = AccountShard(config, 0), ExecutionShard(config, 0)
    records: list[Message] = list(story(table, instruments, orders))
    if deep:
        ticks = {symbol: to_price(item.tick_size) for symbol, item in instruments.items()}
        records = [_deepened(item, ticks[item.symbol]) if isinstance(item, MarketData) else item for item in records]
    events, started = 0, time.perf_counter()
    for told in records:
        waiting = deque([told])
        while waiting:
            message = waiting.popleft()
            shard = execution if isinstance(message, MarketData | ApprovedOrder) else accounts
            events += 1
            for output in shard.apply(message, None):
                if output.topic in ("orders.approved", "executions", "marks"):
                    waiting.append(output.message)
    return events / (time.perf_counter() - started)


def _deepened(record: MarketData, tick: int) -> MarketData:
    """Each quote as the best level of a book, each level behind it a tick away and of the same size."""
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


def story(table: MarketTable, instruments: Mapping[str, InstrumentConfig], orders: int) -> Iterator[Message]:
    """Batches of the market as the feed sends them, and after each its share of the orders at the quotes so far."""
    yield opening(ACCOUNT, tickets(table, instruments, len(table))[0].currency)
    step = UPDATES_PER_RECORD * len(table.symbols)
    stops = [*range(step, len(table), step), len(table)]
    sent = 0
    for number, stop in enumerate(stops, 1):
        yield from pack(table, (number - 1) * step, stop)
        share = orders * number // len(stops) - sent
        yield from bench_orders(ACCOUNT, tickets(table, instruments, stop), share, sent)
        sent += share
