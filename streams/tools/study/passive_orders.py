"""Passive orders at the touch under several fill models: the share that fills, and the time to fill."""

from collections.abc import Iterator, Sequence
from statistics import median
from typing import NamedTuple

from schemas.records.enums import ExecType, Side, TimeInForce
from schemas.records.messages import ApprovedOrder
from schemas.records.numbers import NANOS_PER_S
from streams.core.reference.declarations import InstrumentConfig, LatencyConfig, ModelConfig, SimulatorConfig
from streams.core.venue.venue import Venue
from streams.pipeline.feed.table import MarketTable
from streams.tools.study.probe_orders import probe_order, probe_reports

MODELS: tuple[tuple[str, str, str], ...] = (
    ("touch", "touch", "risk-averse"),
    ("queue, power (n = 3)", "queue", "power"),
    ("queue, log", "queue", "log"),
    ("queue, risk-averse", "queue", "risk-averse"),
    ("trade-through", "trade-through", "risk-averse"),
)
"""Names of the row, the fill model and the queue model."""


class PassiveRow(NamedTuple):
    """The fills under one model.

    Attributes:
        model: name of the row in MODELS.
        orders: orders that rested.
        filled: orders that filled completely.
        fill_rate: their share.
        seconds_to_fill: median over them; None if there are none.
    """

    model: str
    orders: int
    filled: int
    fill_rate: float
    seconds_to_fill: float | None


def passive_orders(
    table: MarketTable, instrument: InstrumentConfig, quantity: int, every_s: float, lifetime_s: float
) -> Iterator[PassiveRow]:
    """Yields the fills under each of MODELS, of a buy at the bid and a sell at the ask each every_s seconds.

    There is no latency, so that the models differ only in when a resting order trades.

    Args:
        table: the market.
        instrument: the table's.
        quantity: of each order, 1e-9 units.
        every_s: market time from one pair of orders to the next.
        lifetime_s: market time from an order to its cancel.
    """
    first, last = int(table.time[0]) + NANOS_PER_S, int(table.time[-1]) - int(lifetime_s * NANOS_PER_S)
    times = list(range(first, last, int(every_s * NANOS_PER_S)))

    def probe(venue: Venue, time_ns: int) -> Sequence[ApprovedOrder]:
        book = venue.book
        if book.bid is None or book.ask is None or book.bid >= book.ask:
            return ()
        sides = ((Side.BUY, book.bid), (Side.SELL, book.ask))
        return [
            probe_order(f"{side}-{time_ns}", venue.symbol, side, quantity, price, TimeInForce.GTC, time_ns)
            for side, price in sides
        ]

    for name, fill, queue in MODELS:
        simulator = SimulatorConfig(
            name="study",
            fill=ModelConfig(model=fill),
            queue=ModelConfig(model=queue),
            latency=LatencyConfig(new=ModelConfig.model_validate({"model": "constant", "ms": 0})),
        )
        orders, waits = 0, list[float]()
        for report in probe_reports(table, instrument, simulator, times, probe, int(lifetime_s * NANOS_PER_S)):
            orders += report.exec_type is ExecType.NEW
            if report.exec_type is ExecType.FILL:
                waits.append((report.ts - report.order_ts) / NANOS_PER_S)
        rate = len(waits) / orders if orders else 0.0
        yield PassiveRow(name, orders, len(waits), rate, median(waits) if waits else None)
