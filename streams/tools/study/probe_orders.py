"""Probe orders in a recorded market: sent at given times, straight to an execution shard."""

from collections.abc import Callable, Iterator, Sequence
from itertools import chain

import numpy as np

from schemas.records.enums import Action, OrderType, Side, TimeInForce
from schemas.records.messages import ApprovedOrder, ExecutionReport, MarketData
from streams.core.core_config import CoreConfig
from streams.core.reference.declarations import InstrumentConfig, SimulatorConfig
from streams.core.venue.execution_shard import ExecutionShard
from streams.core.venue.venue import Venue
from streams.pipeline.feed.pack import pack
from streams.pipeline.feed.table import MarketTable

Probe = Callable[[Venue, int], Sequence[ApprovedOrder]]
"""Orders that a venue gets at a time (UTC nanoseconds)."""


def reports(
    table: MarketTable,
    instrument: InstrumentConfig,
    simulator: SimulatorConfig,
    times_ns: Sequence[int],
    probe: Probe,
    lifetime_ns: int,
) -> Iterator[ExecutionReport]:
    """What the venue of an instrument says while probes come and, after their lifetime, their cancels."""
    config = CoreConfig(
        account_partitions=1,
        execution_partitions=1,
        simulator=simulator.name,
        simulators=(simulator,),
        instruments=(instrument,),
    )
    shard = ExecutionShard(config, 0)
    own = _rows_of(table, instrument.symbol)
    row, ends = 0, sorted(chain(times_ns, (time_ns + lifetime_ns for time_ns in times_ns)))
    starting, open_probes = set(times_ns), dict[int, list[ApprovedOrder]]()
    for time_ns in ends:
        stop = int(np.searchsorted(own.time, time_ns, side="right"))
        yield from _feed(shard, own, row, stop)
        row = max(row, stop)
        yield from _said(shard, MarketData(instrument.symbol, time_ns, "", [], [], [], [], [], [], [], ""))
        for order in open_probes.pop(time_ns - lifetime_ns, ()):
            yield from _said(shard, _cancel(order, time_ns))
        venue = shard.venues.get(instrument.symbol)
        if time_ns in starting and venue is not None:
            orders = list(probe(venue, time_ns))
            open_probes[time_ns] = orders
            for order in orders:
                yield from _said(shard, order)
    yield from _feed(shard, own, row, len(own))


def _rows_of(table: MarketTable, symbol: str) -> MarketTable:
    rows = np.flatnonzero(table.symbol == table.symbols.index(symbol))
    columns = {name: getattr(table, name)[rows] for name in ("kind", "time", "bid_px", "bid_sz", "ask_px", "ask_sz")}
    zeros = np.zeros(len(rows), np.int32)
    return MarketTable((symbol,), zeros, **columns, level_px=table.level_px, level_sz=table.level_sz)


def _feed(shard: ExecutionShard, table: MarketTable, start: int, stop: int) -> Iterator[ExecutionReport]:
    for first in range(start, stop, 500):
        for record in pack(table, first, min(first + 500, stop)):
            yield from _said(shard, record)


def _said(shard: ExecutionShard, message: MarketData | ApprovedOrder) -> Iterator[ExecutionReport]:
    for output in shard.apply(message, None):
        if isinstance(output.message, ExecutionReport):
            yield output.message


def approved(
    order_id: str, symbol: str, side: Side, quantity: int, price: int | None, time_in_force: TimeInForce, time_ns: int
) -> ApprovedOrder:
    """A probe: LIMIT with a price, MARKET without."""
    kind = OrderType.MARKET if price is None else OrderType.LIMIT
    return ApprovedOrder(
        Action.NEW,
        order_id,
        None,
        "probe",
        None,
        symbol,
        side,
        kind,
        time_in_force,
        quantity,
        price,
        order_id,
        None,
        time_ns,
        time_ns,
    )


def _cancel(order: ApprovedOrder, time_ns: int) -> ApprovedOrder:
    return order._replace(
        action=Action.CANCEL, order_id=f"{order.order_id}-cancel", orig_order_id=order.order_id, order_ts=time_ns
    )
