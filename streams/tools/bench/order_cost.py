"""What an order costs the shards, in memory: against the accounts that are open, and the orders that work already.

Processor time, so that what else the machine does counts little.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from schemas.records.enums import Action, Side, TimeInForce
from schemas.records.messages import ApprovedOrder, Mark, MarketData
from schemas.records.numbers import NANOS_PER_MS, to_price
from streams.core.accounts.account_shard import AccountShard
from streams.core.accounts.state.account_records import approved
from streams.core.core_config import CoreConfig
from streams.core.risk.limits import RiskLimits
from streams.core.venue.execution_shard import ExecutionShard
from streams.tools.bench.bench_orders import opening
from streams.tools.bench.risk_cost import ALL_ON, BREAKERS, START_NS, judged_instrument, limit_order, quote

SEED = 1
ORDERS = 3_000
ROUNDS = 5
SYMBOL = "SCALE.SIM"
MARK_INTERVAL_MS = 30_000
EVERY_NS = 10 * NANOS_PER_MS
OPENING_NS = NANOS_PER_MS
"""Market time between an order and what comes next; between the first orders, of ORDERS_A_QUOTE accounts at once."""
ORDERS_A_QUOTE = 50
MIDDLE, TICK, QUANTITY = to_price("1000.00"), to_price("0.01"), to_price(1)
SWING, APART, LEVELS = 20, 100, 500
"""Ticks: the middle swings so far; what is to rest keeps so far apart; over so many prices it is spread."""

LIMITS = json.dumps(
    ALL_ON | {"max_open_orders": 100_000, "max_open_orders_per_symbol": 100_000} | {"breakers": BREAKERS}
)


class AccountCost(NamedTuple):
    """Microseconds in the account shard: of an order with its reports, and of a mark that moves all accounts."""

    us_per_order: float
    us_per_mark: float


def cost_of_accounts(accounts: int, orders: int = ORDERS) -> AccountCost:
    """Orders of random accounts, all filled, where so many accounts are open and each holds a position."""
    desk = _Desk([f"account-{number}" for number in range(accounts)])
    return desk.cost(orders)


def cost_of_own_orders(working: int, orders: int = ORDERS) -> AccountCost:
    """Orders of one account, all filled, while so many others of its own work in the symbol."""
    desk = _Desk(["account"])
    for side, price in _apart(working, desk.draw):
        desk.send("account", side, price, TimeInForce.GTC, EVERY_NS)
    desk.move()
    return desk.cost(orders)


class _Desk:
    """Account shard with all controls and breakers on, and the venue that answers it; only the former is timed."""

    def __init__(self, names: Sequence[str]) -> None:
        config = _config()
        self._accounts, self._venue = AccountShard(config, 0), ExecutionShard(config, 0)
        self._names, self.draw = names, _draw()
        self._now_ns, self._number = START_NS, 0
        self._spent = self._spent_on_marks = 0.0
        self._marks = 0
        for name in names:
            self._accounts.apply(opening(name)._replace(limits=None), None)
        self.move()
        for number, name in enumerate(names):
            self._take(name, Side.BUY, OPENING_NS)
            if number % ORDERS_A_QUOTE == 0:
                self.move()
        self.move()

    def cost(self, orders: int) -> AccountCost:
        """Of the best round: what else the machine does only adds."""
        found = []
        for _ in range(ROUNDS):
            self._spent = 0.0
            for number, at in enumerate(self.draw.integers(0, len(self._names), orders).tolist()):
                self._take(self._names[at], Side.BUY if number % 2 else Side.SELL, EVERY_NS)
                self.move()
            found.append(self._spent / orders)
        return AccountCost(min(found) * 1e6, self._spent_on_marks / self._marks * 1e6)

    def send(self, name: str, side: Side, price: int, time_in_force: TimeInForce, every_ns: int) -> None:
        """An order through the account shard to the venue, where it arrives when the market moves."""
        self._number += 1
        self._now_ns += every_ns
        order = limit_order(f"o{self._number}", name, SYMBOL, side, QUANTITY, price, time_in_force, self._now_ns)
        started = time.thread_time()
        outputs = self._accounts.apply(order, None)
        self._spent += time.thread_time() - started
        sent_on = [output.message for output in outputs if output.topic == "orders.approved"]
        assert sent_on, outputs
        self._venue.apply(sent_on[0], None)

    def move(self) -> None:
        """A quote, to which everything that is under way to the venue arrives."""
        self._now_ns += EVERY_NS
        for output in self._venue.apply(_quote(self._now_ns, self.draw), None):
            started = time.thread_time()
            self._accounts.apply(output.message, None)
            spent = time.thread_time() - started
            if isinstance(output.message, Mark):
                self._spent_on_marks += spent
                self._marks += 1
            else:
                self._spent += spent

    def _take(self, name: str, side: Side, every_ns: int) -> None:
        self.send(name, side, _through(side), TimeInForce.IOC, every_ns)


def venue_us_per_order(working: int, orders: int = ORDERS) -> float:
    """Microseconds in the execution shard of an order, quotes included, while so many others rest in its symbol.

    Of three orders one is filled at once, one rests until the market comes to it, and one rests and is canceled.
    """
    draw, venue, now_ns = _draw(), ExecutionShard(_config(), 0), START_NS
    venue.apply(_quote(now_ns, draw), None)
    for number, (side, price) in enumerate(_apart(working, draw)):
        venue.apply(_approved(f"resting-{number}", side, price, TimeInForce.GTC, now_ns), None)
    found = []
    for _ in range(ROUNDS):
        told: list[ApprovedOrder | MarketData] = []
        for number in range(orders // 3):
            now_ns += EVERY_NS
            told += [_quote(now_ns, draw), *_three(number, now_ns)]
        started = time.thread_time()
        for message in told:
            venue.apply(message, None)
        found.append((time.thread_time() - started) / orders)
    assert len(venue.venues[SYMBOL].orders.working) >= working
    return min(found) * 1e6


def _three(number: int, now_ns: int) -> Iterator[ApprovedOrder]:
    side = Side.BUY if number % 2 else Side.SELL
    sign = 1 if side is Side.BUY else -1
    near, far = MIDDLE - sign * (number % (SWING // 2)) * TICK, MIDDLE - sign * APART * TICK
    yield _approved(f"take-{now_ns}", side, _through(side), TimeInForce.IOC, now_ns)
    yield _approved(f"near-{now_ns}", side, near, TimeInForce.GTC, now_ns)
    canceled = _approved(f"far-{now_ns}", side, far, TimeInForce.GTC, now_ns)
    yield canceled
    yield canceled._replace(action=Action.CANCEL, order_id=f"cancel-{now_ns}", orig_order_id=canceled.order_id)


def _apart(working: int, draw: np.random.Generator) -> Iterator[tuple[Side, int]]:
    """Sides and prices of orders that the market does not reach."""
    for number, level in enumerate(draw.integers(0, LEVELS, working).tolist()):
        ticks = (APART + level) * TICK
        yield (Side.BUY, MIDDLE - ticks) if number % 2 else (Side.SELL, MIDDLE + ticks)


def _through(side: Side) -> int:
    """A limit that the market is never beyond."""
    return MIDDLE + (2 * SWING if side is Side.BUY else -2 * SWING) * TICK


def _approved(order_id: str, side: Side, price: int, tif: TimeInForce, ts: int) -> ApprovedOrder:
    request = limit_order(order_id, "account", SYMBOL, side, QUANTITY, price, tif, ts)
    return approved(request, "session-account", order_id, ts)


def _quote(ts: int, draw: np.random.Generator) -> MarketData:
    middle = MIDDLE + int(draw.integers(-SWING, SWING + 1)) * TICK
    return quote(SYMBOL, ts, middle - TICK, middle + TICK)


def _config() -> CoreConfig:
    return CoreConfig(
        mock_trading=False,
        account_partitions=1,
        execution_partitions=1,
        mark_interval_ms=MARK_INTERVAL_MS,
        instruments=(judged_instrument(SYMBOL),),
        limits=RiskLimits().changed_by(LIMITS),
    )


def _draw() -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(SEED))
