"""The benchmark's orders: IOC orders at the last quote, sent so early that no latency holds them."""

from collections.abc import Iterator

import numpy as np

from streams.domain.enums import Action, ControlKind, OrderType, Side, TimeInForce, TradingState
from streams.domain.messages import Control, OrderRequest
from streams.domain.numbers import to_money
from streams.feed.table import QUOTE, MarketTable

LIMITS = '{"max_order_quantity": "900000000", "max_order_notional": "900000000", "max_position": "900000000"}'


def opening(account_id: str) -> Control:
    """Opens a session with room for everything that follows."""
    return Control(
        control_id=f"open-{account_id}",
        kind=ControlKind.SESSION_OPEN,
        account_id=account_id,
        session_id=f"session-{account_id}",
        strategy_id="bench",
        opening_cash=to_money(1_000_000_000),
        currency="USD",
        trading_state=TradingState.UNKNOWN,
        limits=LIMITS,
        actor="paper bench",
        reason="benchmark",
        ts=0,
    )


def bench_orders(account_id: str, table: MarketTable, count: int) -> Iterator[OrderRequest]:
    """Buys and sells in turn over the table's symbols, each of a small quantity across the spread."""
    last = {}
    for code, symbol in enumerate(table.symbols):
        row = int(np.flatnonzero((table.symbol == code) & (table.kind == QUOTE))[-1])
        last[symbol] = (int(table.bid_px[row]), int(table.ask_px[row]))
    for number in range(count):
        symbol = table.symbols[number % len(table.symbols)]
        bid, ask = last[symbol]
        side = Side.BUY if number // len(table.symbols) % 2 else Side.SELL
        yield OrderRequest(
            action=Action.NEW,
            order_id=f"{account_id}-{number}",
            orig_order_id=None,
            account_id=account_id,
            strategy_id="bench",
            symbol=symbol,
            side=side,
            order_type=OrderType.LIMIT,
            time_in_force=TimeInForce.IOC,
            quantity=10 * 10**9,
            price=ask if side is Side.BUY else bid,
            ts=1,
        )
