"""Market orders of several sizes: their cost against the mid price, compared with the quoted half-spread."""

from collections.abc import Iterator, Sequence
from statistics import fmean
from typing import NamedTuple

from schemas.records.enums import Side, TimeInForce
from schemas.records.messages import ApprovedOrder
from schemas.records.numbers import NANOS_PER_S, PRICE_SCALE
from streams.core.reference.declarations import InstrumentConfig, LatencyConfig, ModelConfig, SimulatorConfig
from streams.core.venue.venue import Venue
from streams.pipeline.feed.table import MarketTable
from streams.tools.study.probe_orders import probe_order, probe_reports

MODELS = ("none", "half-spread")
LIFETIME_S = 30
"""Time in which quantity beyond the displayed size may trade."""


class TakingRow(NamedTuple):
    """Means over the orders of one size.

    Attributes:
        slippage_model: name of the model.
        quantity: of each order, 1e-9 units.
        orders: number of orders.
        filled: share of the quantity that filled.
        half_spread: quoted at arrival, in the currency for a unit.
        cost: average price against the mid price at arrival, weighted by quantity, in the currency for a unit.
    """

    slippage_model: str
    quantity: int
    orders: int
    filled: float
    half_spread: float
    cost: float

    @property
    def multiple(self) -> float:
        """The cost in half-spreads."""
        return self.cost / self.half_spread


def taking_orders(
    table: MarketTable, instrument: InstrumentConfig, quantities: Sequence[int], times_ns: Sequence[int]
) -> Iterator[TakingRow]:
    """Yields the cost under each of MODELS, of a buy or a sell at each time (UTC nanoseconds), for each quantity."""
    for model in MODELS:
        for quantity in quantities:
            yield _row(table, instrument, model, quantity, times_ns)


def _row(
    table: MarketTable, instrument: InstrumentConfig, model: str, quantity: int, times_ns: Sequence[int]
) -> TakingRow:
    half_spreads: list[float] = []

    def probe(venue: Venue, time_ns: int) -> Sequence[ApprovedOrder]:
        book = venue.book
        if book.bid is None or book.ask is None or book.bid >= book.ask:
            return ()
        # The sides in turn: both at once would not be two independent observations.
        side = Side.BUY if len(half_spreads) % 2 else Side.SELL
        half_spreads.append((book.ask - book.bid) / 2 / PRICE_SCALE)
        return [probe_order(f"{side}-{time_ns}", venue.symbol, side, quantity, None, TimeInForce.GTC, time_ns)]

    simulator = SimulatorConfig(
        name="study",
        slippage=ModelConfig(model=model),
        latency=LatencyConfig(new=ModelConfig.model_validate({"model": "constant", "ms": 0})),
    )
    executed, paid = 0, 0
    for report in probe_reports(table, instrument, simulator, times_ns, probe, LIFETIME_S * NANOS_PER_S):
        if report.last_qty is not None and report.slippage_arrival is not None:
            executed += report.last_qty
            paid += report.last_qty * report.slippage_arrival
    orders = len(half_spreads)
    cost = paid / executed / PRICE_SCALE if executed else 0.0
    return TakingRow(model, quantity, orders, executed / (orders * quantity), fmean(half_spreads), cost)
