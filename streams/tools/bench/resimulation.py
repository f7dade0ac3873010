"""Quotes a second of a re-simulation: one execution shard, columns in memory, orders made in advance."""

import time
from collections.abc import Iterator, Mapping
from heapq import merge
from pathlib import Path

import numpy as np

from schemas.records.enums import ExecType, Side, TimeInForce
from schemas.records.messages import ApprovedOrder, ExecutionReport, MarketData
from schemas.records.numbers import NANOS_PER_S
from streams.core.core_config import CoreConfig
from streams.core.market.market_columns import with_arrays
from streams.core.reference.declarations import InstrumentConfig
from streams.core.reference.instruments import Instrument
from streams.core.simulators.simulator_choice import TOP_OF_BOOK
from streams.core.venue.execution_shard import ExecutionShard
from streams.pipeline.feed.pack import UPDATES_PER_RECORD, pack
from streams.pipeline.feed.read_file import read_file
from streams.pipeline.feed.table import QUOTE, MarketTable
from streams.tools.bench.bench_orders import smallest_quantity
from streams.tools.study.probe_orders import probe_order

RECORDED = "AIG_US_20131009.quotes.csv.gz"
"""File of the recorded day that is measured: 712,006 quotes."""
QUOTES_PER_ORDER = 64
ROUNDS = 4
"""Number of rounds. The fastest counts, because other processes can only add; the compiled peer gets as many."""
LIFETIME_NS = 60 * NANOS_PER_S


def recorded_day(folder: Path) -> MarketTable | None:
    """Returns the quotes of RECORDED, or None if the folder lacks it."""
    return read_file(folder / RECORDED) if (folder / RECORDED).exists() else None


def resim_quotes_per_s(
    config: CoreConfig,
    table: MarketTable,
    instruments: Mapping[str, InstrumentConfig],
    simulator: str = TOP_OF_BOOK,
    orders: bool = True,
) -> float:
    """Returns the quotes applied a second in the fastest of ROUNDS, without decoding and without the account shard.

    orders: whether orders and their reports are included; see sent_orders.
    """
    inputs = [item for item in market_and_orders(table, instruments) if orders or isinstance(item, MarketData)]
    seconds = min(_apply_s(_shard(config, instruments, simulator), inputs) for _ in range(ROUNDS))
    return int(np.count_nonzero(table.kind == QUOTE)) / seconds


def _apply_s(shard: ExecutionShard, inputs: list[MarketData | ApprovedOrder]) -> float:
    started = time.perf_counter()
    for message in inputs:
        shard.apply(message, None)
    return time.perf_counter() - started


def filled_orders(config: CoreConfig, table: MarketTable, instruments: Mapping[str, InstrumentConfig]) -> set[str]:
    """Returns the ids of the orders that the re-simulation fills completely."""
    shard, inputs = _shard(config, instruments, TOP_OF_BOOK), market_and_orders(table, instruments)
    outputs = (output.message for message in inputs for output in shard.apply(message, None))
    reports = (message for message in outputs if isinstance(message, ExecutionReport))
    return {report.order_id for report in reports if report.exec_type is ExecType.FILL}


def _shard(config: CoreConfig, instruments: Mapping[str, InstrumentConfig], simulator: str) -> ExecutionShard:
    chosen = {"simulator": simulator, "instruments": tuple(instruments.values())}
    return ExecutionShard(config.model_copy(update=chosen | {"account_partitions": 1, "execution_partitions": 1}), 0)


def market_and_orders(
    table: MarketTable, instruments: Mapping[str, InstrumentConfig]
) -> Iterator[MarketData | ApprovedOrder]:
    """Yields records as the feed makes them, with the orders of sent_orders."""
    return with_orders(table, sent_orders(table, instruments))


def with_orders(table: MarketTable, orders: Iterator[ApprovedOrder]) -> Iterator[MarketData | ApprovedOrder]:
    """Yields records as the feed makes them, and before each the orders that are sent within its time."""
    waiting = next(orders, None)
    step = UPDATES_PER_RECORD * len(table.symbols)
    for start in range(0, len(table), step):
        stop = min(start + step, len(table))
        while waiting is not None and waiting.order_ts <= table.time[stop - 1]:
            yield waiting
            waiting = next(orders, None)
        for record in pack(table, start, stop):
            yield with_arrays(record)


def sent_orders(table: MarketTable, instruments: Mapping[str, InstrumentConfig]) -> Iterator[ApprovedOrder]:
    """Yields all orders of the re-simulation by the time at which they are sent.

    For every QUOTES_PER_ORDER quotes of a symbol there is a passive limit order at the touch, a bid and an offer in
    turn, which expires LIFETIME_NS after it was sent.
    """
    return merge(
        *(list(_orders(table, code, instruments[symbol])) for code, symbol in enumerate(table.symbols)),
        key=lambda order: order.order_ts,
    )


def _orders(table: MarketTable, code: int, config: InstrumentConfig) -> Iterator[ApprovedOrder]:
    instrument = Instrument.from_config(config)
    quantity = smallest_quantity(instrument)
    quotes = np.flatnonzero((table.symbol == code) & (table.kind == QUOTE))
    for number, row in enumerate(quotes[::QUOTES_PER_ORDER]):
        side = Side.SELL if number % 2 else Side.BUY
        prices, sizes = (table.ask_px, table.ask_sz) if number % 2 else (table.bid_px, table.bid_sz)
        if sizes[row]:
            sent_ns, order_id = int(table.time[row]), f"{instrument.symbol}-{number}"
            price = int(prices[row])
            order = probe_order(order_id, instrument.symbol, side, quantity, price, TimeInForce.GTD, sent_ns)
            yield order._replace(expire_ts=sent_ns + LIFETIME_NS)
