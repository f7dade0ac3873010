"""The benchmark's orders: IOC orders across the last quote's spread, sent so early that no latency delays them."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from schemas.records.enums import ControlKind, Side, TimeInForce, TradingState
from schemas.records.messages import Control, OrderRequest
from schemas.records.numbers import to_money
from streams.core.reference.declarations import InstrumentConfig
from streams.core.reference.instruments import Instrument
from streams.core.risk.limits import CONTROLS
from streams.errors import FeedError
from streams.pipeline.feed.table import QUOTE, MarketTable
from streams.tools.bench.bench_records import STRATEGY_ID, limit_order

WIDE = "900000000"
WIDE_LIMITS = json.dumps(
    {name: None for name in CONTROLS if name != "leverage"}
    | {"max_order_quantity": WIDE, "max_order_notional": WIDE, "max_position": WIDE}
    | {"breakers": {"frequency": None, "repeated-execution": None}}
)
"""Limits that stop no order of a benchmark. All its orders have one time and stale prices."""


def session_opening(account_id: str, currency: str = "USD") -> Control:
    """Returns a control that opens a session with WIDE_LIMITS and enough cash for a benchmark."""
    return Control(
        control_id=f"open-{account_id}",
        kind=ControlKind.SESSION_OPEN,
        account_id=account_id,
        session_id=f"session-{account_id}",
        strategy_id=STRATEGY_ID,
        opening_cash=to_money(1_000_000_000),
        currency=currency,
        trading_state=TradingState.UNKNOWN,
        limits=WIDE_LIMITS,
        actor="paper bench",
        reason="benchmark",
        ts=0,
    )


@dataclass(frozen=True, slots=True)
class BenchOrder:
    """The template of a symbol's orders.

    Attributes:
        symbol: instrument.
        currency: the instrument's.
        bid: of the last quote, 1e-9 of the currency.
        ask: of the last quote, 1e-9 of the currency.
        quantity: of each order, 1e-9 units.
    """

    symbol: str
    currency: str
    bid: int
    ask: int
    quantity: int


def bench_orders(table: MarketTable, instruments: Mapping[str, InstrumentConfig], rows: int) -> list[BenchOrder]:
    """Returns a template for each symbol whose last quote within the first rows has two sides.

    Raises:
        FeedError: there is none, or the symbols trade in several currencies, which one account can't hold.
    """
    found = []
    for code, symbol in enumerate(table.symbols):
        quotes = np.flatnonzero((table.symbol[:rows] == code) & (table.kind[:rows] == QUOTE))
        if len(quotes) and table.bid_sz[quotes[-1]] and table.ask_sz[quotes[-1]]:
            instrument = Instrument.from_config(instruments[symbol])
            bid, ask = int(table.bid_px[quotes[-1]]), int(table.ask_px[quotes[-1]])
            found.append(BenchOrder(symbol, instrument.currency, bid, ask, smallest_quantity(instrument)))
    currencies = sorted({order.currency for order in found})
    if len(currencies) != 1:
        problem = ", ".join(currencies) or "no quote with two sides"
        raise FeedError(f"a benchmark needs market data of one currency; this has {problem}")
    return found


def smallest_quantity(instrument: Instrument) -> int:
    """Returns the smallest quantity of whole lots that the instrument allows, in 1e-9 units."""
    return max(-(-instrument.min_quantity // instrument.lot_size), 1) * instrument.lot_size


def order_requests(
    account_id: str, templates: Sequence[BenchOrder], count: int, first: int = 0
) -> Iterator[OrderRequest]:
    """Yields orders numbered from first: each symbol is sold once, then each is bought once, and so on."""
    for number in range(first, first + count):
        order = templates[number % len(templates)]
        side = Side.BUY if number // len(templates) % 2 else Side.SELL
        price = order.ask if side is Side.BUY else order.bid
        order_id = f"{account_id}-{number}"
        yield limit_order(order_id, account_id, order.symbol, side, order.quantity, price, TimeInForce.IOC, ts=1)
