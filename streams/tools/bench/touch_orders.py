"""Limit orders at the touch, spread evenly over a market of quotes or of books."""

from collections.abc import Iterator

import numpy as np

from schemas.records.enums import Side, TimeInForce
from schemas.records.messages import ApprovedOrder
from schemas.records.numbers import NANOS_PER_S
from streams.core.reference.declarations import InstrumentConfig
from streams.core.reference.instruments import Instrument
from streams.pipeline.feed.table import BOOK, QUOTE, Ints, MarketTable
from streams.tools.bench.bench_orders import smallest_quantity
from streams.tools.study.probe_orders import probe_order

LIFETIME_NS = 60 * NANOS_PER_S


def touch_orders(table: MarketTable, config: InstrumentConfig, count: int) -> Iterator[ApprovedOrder]:
    """Yields orders by time, a bid and an offer in turn, each at its side's best price when it is sent.

    They expire LIFETIME_NS later. table: of one symbol. count: number of orders, evenly spread over the rows that show
    both sides.
    """
    instrument = Instrument.from_config(config)
    quantity = smallest_quantity(instrument)
    time, bid, ask = best_prices(table)
    for number, row in enumerate(np.linspace(0, len(time) - 1, count).astype(np.int64).tolist()):
        side, prices = (Side.SELL, ask) if number % 2 else (Side.BUY, bid)
        sent_ns, price = int(time[row]), int(prices[row])
        order = probe_order(f"o{number}", instrument.symbol, side, quantity, price, TimeInForce.GTD, sent_ns)
        yield order._replace(expire_ts=sent_ns + LIFETIME_NS)


def best_prices(table: MarketTable) -> tuple[Ints, Ints, Ints]:
    """Returns time, best bid and best ask of each row that shows both sides."""
    bid, ask = table.bid_px.copy(), table.ask_px.copy()
    shown = (table.kind == QUOTE) & (table.bid_sz != 0) & (table.ask_sz != 0)
    books = np.flatnonzero((table.kind == BOOK) & (table.bid_sz > 0) & (table.ask_px > 0))
    first, bids = table.bid_px[books], table.bid_sz[books]
    bid[books], ask[books] = table.level_px[first], table.level_px[first + bids]
    shown[books] = True
    return table.time[shown], bid[shown], ask[shown]
