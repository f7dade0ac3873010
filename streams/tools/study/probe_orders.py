"""Sends probe orders at given times of a recorded market, straight to an execution shard."""

from collections.abc import Callable, Iterator, Sequence
from itertools import chain

import numpy as np

from schemas.records.enums import Action, OrderType, Side, TimeInForce
from schemas.records.messages import ApprovedOrder, ExecutionReport, MarketData
from streams.core.core_config import RULES_OF_TODAY, CoreConfig
from streams.core.reference.declarations import InstrumentConfig, SimulatorConfig
from streams.core.venue.execution_shard import ExecutionShard
from streams.core.venue.venue import Venue
from streams.pipeline.feed.pack import pack
from streams.pipeline.feed.table import MarketTable

Probe = Callable[[Venue, int], Sequence[ApprovedOrder]]
"""Returns the orders to send to a venue at a time (UTC nanoseconds)."""


def probe_reports(
    table: MarketTable,
    instrument: InstrumentConfig,
    simulator: SimulatorConfig,
    times_ns: Sequence[int],
    probe: Probe,
    lifetime_ns: int,
) -> Iterator[ExecutionReport]:
    """Yields a venue's reports on probe orders, each canceled after its lifetime.

    Args:
        table: the market.
        instrument: the venue's.
        simulator: models of the venue.
        times_ns: when probe is called, UTC nanoseconds.
        probe: makes the orders.
        lifetime_ns: time from an order to its cancel.
    """
    config = CoreConfig(
        account_partitions=1,
        execution_partitions=1,
        simulator=simulator.name,
        simulators=(simulator,),
        instruments=(instrument,),
        **RULES_OF_TODAY,
    )
    shard = ExecutionShard(config, 0)
    market = _rows_of(table, instrument.symbol)
    row, stops_ns = 0, sorted(chain(times_ns, (time_ns + lifetime_ns for time_ns in times_ns)))
    starting, open_probes = set(times_ns), dict[int, list[ApprovedOrder]]()
    for time_ns in stops_ns:
        stop = int(np.searchsorted(market.time, time_ns, side="right"))
        yield from _feed(shard, market, row, stop)
        row = max(row, stop)
        yield from _reports(shard, MarketData(instrument.symbol, time_ns, "", [], [], [], [], [], [], [], ""))
        for order in open_probes.pop(time_ns - lifetime_ns, ()):
            yield from _reports(shard, _cancel(order, time_ns))
        venue = shard.venues.get(instrument.symbol)
        if time_ns in starting and venue is not None:
            orders = list(probe(venue, time_ns))
            open_probes[time_ns] = orders
            for order in orders:
                yield from _reports(shard, order)
    yield from _feed(shard, market, row, len(market))


def _rows_of(table: MarketTable, symbol: str) -> MarketTable:
    rows = np.flatnonzero(table.symbol == table.symbols.index(symbol))
    columns = {name: getattr(table, name)[rows] for name in ("kind", "time", "bid_px", "bid_sz", "ask_px", "ask_sz")}
    zeros = np.zeros(len(rows), np.int32)
    return MarketTable((symbol,), zeros, **columns, level_px=table.level_px, level_sz=table.level_sz)


def _feed(shard: ExecutionShard, table: MarketTable, start: int, stop: int) -> Iterator[ExecutionReport]:
    for first in range(start, stop, 500):
        for record in pack(table, first, min(first + 500, stop)):
            yield from _reports(shard, record)


def _reports(shard: ExecutionShard, message: MarketData | ApprovedOrder) -> Iterator[ExecutionReport]:
    for output in shard.apply(message, None):
        if isinstance(output.message, ExecutionReport):
            yield output.message


def probe_order(
    order_id: str, symbol: str, side: Side, quantity: int, price: int | None, time_in_force: TimeInForce, time_ns: int
) -> ApprovedOrder:
    """Returns an approved order: LIMIT if it has a price, else MARKET."""
    kind = OrderType.MARKET if price is None else OrderType.LIMIT
    return ApprovedOrder(
        action=Action.NEW,
        order_id=order_id,
        orig_order_id=None,
        account_id="probe",
        strategy_id=None,
        symbol=symbol,
        side=side,
        order_type=kind,
        time_in_force=time_in_force,
        quantity=quantity,
        price=price,
        approval_id=order_id,
        session_id=None,
        order_ts=time_ns,
        ts=time_ns,
    )


def _cancel(order: ApprovedOrder, time_ns: int) -> ApprovedOrder:
    return order._replace(
        action=Action.CANCEL, order_id=f"{order.order_id}-cancel", orig_order_id=order.order_id, order_ts=time_ns
    )
