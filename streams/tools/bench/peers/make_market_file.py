"""Makes the market file of a re-simulation from its quotes and orders."""

from collections.abc import Mapping

import numpy as np

from streams.core.reference.declarations import InstrumentConfig, SimulatorConfig
from streams.core.simulators.model import ModelKind
from streams.core.simulators.model_catalog import make_model
from streams.core.simulators.simulator_choice import TOP_OF_BOOK
from streams.errors import PeerError
from streams.pipeline.feed.table import QUOTE, MarketTable
from streams.tools.bench.peers.market_file import MarketFile
from streams.tools.bench.peers.order_columns import order_columns
from streams.tools.bench.resimulation import sent_orders


def first_symbol(table: MarketTable) -> MarketTable:
    """Returns the quotes of the table's first symbol."""
    rows = np.flatnonzero((table.symbol == 0) & (table.kind == QUOTE))
    columns = {name: getattr(table, name)[rows] for name in ("kind", "time", "bid_px", "bid_sz", "ask_px", "ask_sz")}
    return MarketTable(table.symbols[:1], table.symbol[rows], **columns)


def make_quotes_file(table: MarketTable, config: InstrumentConfig, latency_ns: int) -> MarketFile:
    """Returns the quotes of a table with one symbol, without orders.

    Raises:
        PeerError: a quote lacks a side or a size, which the other engines can't read.
    """
    _check_sides(table)
    quotes = {name: getattr(table, name) for name in ("bid_px", "bid_sz", "ask_px", "ask_sz")}
    return MarketFile(quote_ts=table.time, **quotes, **order_columns([], config, latency_ns))


def make_market_file(table: MarketTable, instruments: Mapping[str, InstrumentConfig]) -> MarketFile:
    """Returns the quotes of a table with one symbol, and the orders of its re-simulation.

    Raises:
        PeerError: a quote lacks a side or a size, which the other engines can't read.
    """
    _check_sides(table)
    latency = make_model(ModelKind.LATENCY, SimulatorConfig(name=TOP_OF_BOOK).latency.new)
    orders = list(sent_orders(table, instruments))
    return MarketFile(
        quote_ts=table.time,
        bid_px=table.bid_px,
        bid_sz=table.bid_sz,
        ask_px=table.ask_px,
        ask_sz=table.ask_sz,
        **order_columns(orders, instruments[table.symbols[0]], latency.most_ns()),
    )


def _check_sides(table: MarketTable) -> None:
    if len(table) == 0 or min(table.bid_sz.min(), table.ask_sz.min()) <= 0:
        raise PeerError(
            f"{', '.join(table.symbols) or 'no symbol'}: other engines need quotes that have both sides with their "
            "sizes; choose another market, or omit --peers"
        )
