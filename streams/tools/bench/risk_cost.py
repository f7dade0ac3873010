"""Microseconds that controls and breakers cost an order: all of them on, at limits of production, orders approved."""

from __future__ import annotations

import json
import time
from statistics import median

from schemas.records.enums import Action, OrderType, Side, TimeInForce
from schemas.records.messages import ApprovedOrder, MarketData, OrderRequest
from schemas.records.numbers import NANOS_PER_MS, NANOS_PER_S, to_price
from schemas.records.output import Message
from streams.core.accounts.account_shard import AccountShard
from streams.core.core_config import CoreConfig
from streams.core.market.market_data import QUOTE
from streams.core.reference.declarations import InstrumentConfig
from streams.core.risk.limits import CONTROLS
from streams.core.venue.execution_shard import ExecutionShard
from streams.tools.bench.bench_orders import opening

ACCOUNT = "bench-risk"
SYMBOLS = tuple(f"RISK{number}.SIM" for number in range(5))
START_NS = 1_700_000_000 * NANOS_PER_S - 6 * 3600 * NANOS_PER_S
"""In the hours of the exchange."""
ORDERS = 2_000
ROUNDS = 5
WORKING_A_SIDE = 2
"""Orders that rest on each side of each symbol while orders are judged."""
BID, ASK, TICK, QUANTITY = to_price("100.00"), to_price("100.02"), to_price("0.01"), to_price(10)
EVERY_NS = 50 * NANOS_PER_MS

ALL_ON: dict[str, object] = {
    "message_rate": 1_000,
    "order_rate": 500,
    "order_rate_per_symbol": 200,
    "restricted": ["NONE.SIM"],
    "order_types": ["MARKET", "LIMIT", "STOP", "STOP_LIMIT"],
    "times_in_force": ["DAY", "GTC", "IOC", "FOK"],
    "min_order_quantity": "1",
    "max_order_quantity": "10000",
    "min_order_notional": "1",
    "max_order_notional": "5000000",
    "session_hours": True,
    "stale_mark": 60_000,
    "price_collar": {"percent": "5", "ticks": 50},
    "repeated_order": {"limit": 200},
    "cancel_ratio": "50",
    "max_open_orders": 500,
    "max_open_orders_per_symbol": 100,
    "max_position": "1000000",
    "max_long_position": "1000000",
    "max_short_position": "1000000",
    "leverage": "4",
    "max_gross_exposure": "20000000",
    "max_net_exposure": "20000000",
    "max_concentration": "2",
    "max_leverage": "4",
    "max_margin": "1",
    "self_match": "cancel_newest",
}


BREAKERS: dict[str, object] = {
    "drawdown": {"kind": "drawdown", "percent": "20"},
    "loss": {"kind": "loss", "percent": "10"},
    "errors": {"kind": "error_rate", "window_count": None, "window_ms": 60_000, "percent": "50"},
    "frequency": {"kind": "frequency", "limit": 1_000, "window_ms": 1_000},
    "losses": {"kind": "consecutive_losses", "limit": 50},
    "stop-outs": {"kind": "stop_outs", "limit": 50, "window_ms": 60_000},
    "slippage": {"kind": "slippage", "limit_bps": "50", "window_count": 100},
    "gap": {"kind": "market_data_gap", "gap_ms": 60_000},
    "repeated": {"kind": "repeated_execution", "limit": 5_000, "window_ms": 60_000},
}
"""One of each kind, as a patch of whatever limits a pipeline has."""


def risk_us_per_order(orders: int = ORDERS) -> float:
    """What an order takes longer in the account shard with all controls and breakers than with none, in microseconds.

    Of each, the smallest of some rounds' medians: what else the machine does only adds.
    """
    instruments = tuple(map(judged_instrument, SYMBOLS))
    config = CoreConfig(mock_trading=False, account_partitions=1, execution_partitions=1, instruments=instruments)
    judged, free = _Desk(config), _Desk(config)
    free.lift()
    rounds = [(median(judged.times(orders)), median(free.times(orders))) for _ in range(ROUNDS)]
    return (min(with_all for with_all, _ in rounds) - min(without for _, without in rounds)) * 1e6


class _Desk:
    """An account shard with a position and working orders in each symbol, and the venue that it needs for them."""

    def __init__(self, config: CoreConfig) -> None:
        self._accounts, self._venue = AccountShard(config, 0), ExecutionShard(config, 0)
        self._accounts.apply(opening(ACCOUNT)._replace(limits=json.dumps(ALL_ON | {"breakers": BREAKERS})), None)
        self._now_ns, self._number = START_NS, 0
        self._move()
        for symbol in SYMBOLS:
            self._trade(symbol, Side.BUY, ASK, TimeInForce.IOC)
            self._move()
            for depth in range(WORKING_A_SIDE):
                self._trade(symbol, Side.BUY, BID - depth * TICK, TimeInForce.GTC)
                self._trade(symbol, Side.SELL, ASK + depth * TICK, TimeInForce.GTC)
            self._move()
        ledger = self._accounts.accounts[ACCOUNT].ledger
        assert len(ledger.positions) == len(SYMBOLS)
        assert len(ledger.working) == 2 * WORKING_A_SIDE * len(SYMBOLS)

    def lift(self) -> None:
        """Takes all controls and breakers away."""
        account = self._accounts.accounts[ACCOUNT]
        account.limits = account.limits.patched({name: None for name in CONTROLS if name != "leverage"})
        account.limits.__dict__["checks"] = ()
        account.breakers.configure({})

    def times(self, orders: int) -> list[float]:
        """Seconds in the account shard of each of so many orders; all are approved, and the venue cancels them."""
        spent = []
        for number in range(orders):
            if number % len(SYMBOLS) == 0:
                self._move()
            side, price = (Side.BUY, BID) if number & 1 else (Side.SELL, ASK)
            spent.append(self._trade(SYMBOLS[number % len(SYMBOLS)], side, price, TimeInForce.IOC))
        return spent

    def _move(self) -> None:
        """A quote in each symbol, EVERY_NS after the last."""
        self._now_ns += EVERY_NS
        for symbol in SYMBOLS:
            self._deliver(quote(symbol, self._now_ns, BID, ASK))

    def _trade(self, symbol: str, side: Side, price: int, tif: TimeInForce) -> float:
        """An order's time in the account shard, in seconds; what becomes of it at the venue is not timed."""
        self._number += 1
        order = limit_order(f"o{self._number}", ACCOUNT, symbol, side, QUANTITY, price, tif, self._now_ns)
        started = time.perf_counter()
        outputs = self._accounts.apply(order, None)
        spent = time.perf_counter() - started
        approved, *rest = [output.message for output in outputs if output.topic != "risk.events"]
        assert isinstance(approved, ApprovedOrder), approved
        assert not rest
        self._deliver(approved)
        return spent

    def _deliver(self, message: Message) -> None:
        for output in self._venue.apply(message, None):
            self._accounts.apply(output.message, None)


def limit_order(
    order_id: str, account_id: str, symbol: str, side: Side, quantity: int, price: int, tif: TimeInForce, ts: int
) -> OrderRequest:
    """A new LIMIT order; quantity and price 1e-9."""
    return OrderRequest(
        action=Action.NEW,
        order_id=order_id,
        orig_order_id=None,
        account_id=account_id,
        strategy_id="bench",
        symbol=symbol,
        side=side,
        order_type=OrderType.LIMIT,
        time_in_force=tif,
        quantity=quantity,
        price=price,
        ts=ts,
    )


def quote(symbol: str, ts: int, bid: int, ask: int) -> MarketData:
    """A record of one quote, of a size that takes many orders."""
    size = QUANTITY * 10_000
    return MarketData(symbol, ts, QUOTE, [ts], [bid], [size], [ask], [size], [], [], "")


def judged_instrument(symbol: str) -> InstrumentConfig:
    """An instrument that every control has something to ask of."""
    fields = {"tick_size": "0.01", "lot_size": "1", "min_quantity": "1", "max_quantity": "100000"}
    hours = {"calendar": "XNYS", "timezone": "America/New_York", "day_start": "04:00", "day_end": "20:00"}
    return InstrumentConfig.model_validate(
        {"symbol": symbol, "currency": "USD", "margin_rate": "0.25"} | fields | hours
    )
