"""Microseconds that all controls and breakers add to an order that they approve."""

from __future__ import annotations

import json
import time
from statistics import median

from schemas.records.enums import Side, TimeInForce
from schemas.records.messages import ApprovedOrder
from schemas.records.numbers import NANOS_PER_HOUR, NANOS_PER_MS, NANOS_PER_S, to_price
from schemas.records.output import Message
from streams.core.accounts.account_shard import AccountShard
from streams.core.core_config import RULES_OF_TODAY, CoreConfig
from streams.core.risk.limits import CONTROLS
from streams.core.venue.execution_shard import ExecutionShard
from streams.tools.bench.bench_orders import session_opening
from streams.tools.bench.bench_records import exchange_instrument, limit_order, quote
from streams.tools.bench.full_limits import ALL_BREAKERS, ALL_CONTROLS

ACCOUNT = "bench-risk"
SYMBOLS = tuple(f"RISK{number}.SIM" for number in range(5))
START_NS = 1_700_000_000 * NANOS_PER_S - 6 * NANOS_PER_HOUR
"""A time in the exchange's hours."""
ORDERS = 2_000
ROUNDS = 5
WORKING_PER_SIDE = 2
"""Orders that rest on each side of each symbol during the measurement."""
BID, ASK, TICK, QUANTITY = to_price("100.00"), to_price("100.02"), to_price("0.01"), to_price(10)
EVERY_NS = 50 * NANOS_PER_MS
"""Market time from one quote of a symbol to the next."""


def risk_us_per_order(orders: int = ORDERS) -> float:
    """Returns the microseconds that controls and breakers add to an order's time in the account shard.

    The time with all of them and the time with none are each the smallest median of several rounds, because other
    processes of the machine can only add to it.
    """
    instruments = tuple(map(exchange_instrument, SYMBOLS))
    config = CoreConfig(
        mock_trading=False,
        account_partitions=1,
        execution_partitions=1,
        instruments=instruments,
        **RULES_OF_TODAY,
    )
    judged, free = _TradingAccount(config), _TradingAccount(config)
    free.remove_controls()
    rounds = [(median(judged.times_s(orders)), median(free.times_s(orders))) for _ in range(ROUNDS)]
    return (min(with_all for with_all, _ in rounds) - min(without for _, without in rounds)) * 1e6


class _TradingAccount:
    """An account shard whose account has a position and working orders in each symbol, with the venue they need."""

    def __init__(self, config: CoreConfig) -> None:
        self._accounts, self._venue = AccountShard(config, 0), ExecutionShard(config, 0)
        limits = json.dumps(ALL_CONTROLS | {"breakers": ALL_BREAKERS})
        self._accounts.apply(session_opening(ACCOUNT)._replace(limits=limits), None)
        self._now_ns, self._number = START_NS, 0
        self._quote_all()
        for symbol in SYMBOLS:
            self._trade(symbol, Side.BUY, ASK, TimeInForce.IOC)
            self._quote_all()
            for depth in range(WORKING_PER_SIDE):
                self._trade(symbol, Side.BUY, BID - depth * TICK, TimeInForce.GTC)
                self._trade(symbol, Side.SELL, ASK + depth * TICK, TimeInForce.GTC)
            self._quote_all()
        ledger = self._accounts.accounts[ACCOUNT].ledger
        assert len(ledger.positions) == len(SYMBOLS)
        assert len(ledger.working) == 2 * WORKING_PER_SIDE * len(SYMBOLS)

    def remove_controls(self) -> None:
        """Removes all controls and breakers."""
        account = self._accounts.accounts[ACCOUNT]
        account.limits = account.limits.patched({name: None for name in CONTROLS if name != "leverage"})
        account.limits.__dict__["checks"] = ()
        account.breakers.configure({})

    def times_s(self, orders: int) -> list[float]:
        """Returns each order's seconds in the account shard; all are approved, and the venue cancels them."""
        times_s = []
        for number in range(orders):
            if number % len(SYMBOLS) == 0:
                self._quote_all()
            side, price = (Side.BUY, BID) if number & 1 else (Side.SELL, ASK)
            times_s.append(self._trade(SYMBOLS[number % len(SYMBOLS)], side, price, TimeInForce.IOC))
        return times_s

    def _quote_all(self) -> None:
        """Sends a quote in each symbol, EVERY_NS after the last."""
        self._now_ns += EVERY_NS
        for symbol in SYMBOLS:
            self._send_to_venue(quote(symbol, self._now_ns, BID, ASK))

    def _trade(self, symbol: str, side: Side, price: int, time_in_force: TimeInForce) -> float:
        """Sends an order through both shards, and returns its seconds in the account shard alone."""
        self._number += 1
        order_id = f"o{self._number}"
        order = limit_order(order_id, ACCOUNT, symbol, side, QUANTITY, price, time_in_force, self._now_ns)
        started = time.perf_counter()
        outputs = self._accounts.apply(order, None)
        time_s = time.perf_counter() - started
        approved, *rest = [output.message for output in outputs if output.topic != "risk.events"]
        assert isinstance(approved, ApprovedOrder), approved
        assert not rest
        self._send_to_venue(approved)
        return time_s

    def _send_to_venue(self, message: Message) -> None:
        for output in self._venue.apply(message, None):
            self._accounts.apply(output.message, None)
