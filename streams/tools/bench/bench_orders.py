"""The benchmark's orders: IOC orders at the last quote, sent so early that no latency holds them."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from schemas.records.enums import Action, ControlKind, OrderType, Side, TimeInForce, TradingState
from schemas.records.messages import Control, OrderRequest
from schemas.records.numbers import to_money
from streams.core.reference.declarations import InstrumentConfig
from streams.core.reference.instruments import Instrument
from streams.core.risk.limits import CONTROLS
from streams.errors import FeedError
from streams.pipeline.feed.table import QUOTE, MarketTable

ROOM = "900000000"
LIMITS = json.dumps(
    {name: None for name in CONTROLS if name != "leverage"}
    | {"max_order_quantity": ROOM, "max_order_notional": ROOM, "max_position": ROOM}
    | {"breakers": {"frequency": None, "repeated-execution": None}}
)
"""A benchmark's orders are all at one time and at stale prices: what looks at either is off."""


def opening(account_id: str, currency: str = "USD") -> Control:
    """Opens a session with room for everything that follows."""
    return Control(
        control_id=f"open-{account_id}",
        kind=ControlKind.SESSION_OPEN,
        account_id=account_id,
        session_id=f"session-{account_id}",
        strategy_id="bench",
        opening_cash=to_money(1_000_000_000),
        currency=currency,
        trading_state=TradingState.UNKNOWN,
        limits=LIMITS,
        actor="paper bench",
        reason="benchmark",
        ts=0,
    )


@dataclass(frozen=True, slots=True)
class Ticket:
    """What is ordered of a symbol: the touch of its last quote (1e-9 of the currency), a small quantity (1e-9)."""

    symbol: str
    currency: str
    bid: int
    ask: int
    quantity: int


def tickets(table: MarketTable, instruments: Mapping[str, InstrumentConfig], rows: int) -> list[Ticket]:
    """One for each symbol whose last quote within the first rows has two sides.

    Raises:
        FeedError: there is none, or they trade in different currencies, which one account can't.
    """
    found = []
    for code, symbol in enumerate(table.symbols):
        quotes = np.flatnonzero((table.symbol[:rows] == code) & (table.kind[:rows] == QUOTE))
        if len(quotes) and table.bid_sz[quotes[-1]] and table.ask_sz[quotes[-1]]:
            instrument = Instrument.from_config(instruments[symbol])
            lots = max(-(-instrument.min_quantity // instrument.lot_size), 1)
            bid, ask = int(table.bid_px[quotes[-1]]), int(table.ask_px[quotes[-1]])
            found.append(Ticket(symbol, instrument.currency, bid, ask, lots * instrument.lot_size))
    currencies = sorted({ticket.currency for ticket in found})
    if len(currencies) != 1:
        named = ", ".join(currencies) or "no quote with two sides"
        raise FeedError(f"a benchmark needs market data of one currency; this has {named}")
    return found


def bench_orders(account_id: str, chosen: Sequence[Ticket], count: int, first: int = 0) -> Iterator[OrderRequest]:
    """Buys and sells in turn over the symbols, each of a small quantity across the spread; numbered from first."""
    for number in range(first, first + count):
        ticket = chosen[number % len(chosen)]
        side = Side.BUY if number // len(chosen) % 2 else Side.SELL
        yield OrderRequest(
            action=Action.NEW,
            order_id=f"{account_id}-{number}",
            orig_order_id=None,
            account_id=account_id,
            strategy_id="bench",
            symbol=ticket.symbol,
            side=side,
            order_type=OrderType.LIMIT,
            time_in_force=TimeInForce.IOC,
            quantity=ticket.quantity,
            price=ticket.ask if side is Side.BUY else ticket.bid,
            ts=1,
        )
