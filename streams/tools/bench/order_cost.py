"""Microseconds of an order in the shards, by the number of open accounts and of working orders.

Only processor time counts, so that other processes of the machine hardly matter.
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
from streams.core.core_config import RULES_OF_TODAY, CoreConfig
from streams.core.risk.limits import RiskLimits
from streams.core.venue.execution_shard import ExecutionShard
from streams.tools.bench.bench_orders import session_opening
from streams.tools.bench.bench_records import exchange_instrument, limit_order, quote
from streams.tools.bench.full_limits import ALL_BREAKERS, ALL_CONTROLS
from streams.tools.bench.risk_cost import START_NS

SEED = 1
ORDERS = 3_000
ROUNDS = 5
SYMBOL = "SCALE.SIM"
MARK_INTERVAL_MS = 30_000
EVERY_NS = 10 * NANOS_PER_MS
"""Market time from an order to the next quote or order."""
OPENING_NS = NANOS_PER_MS
"""Market time between the first orders, by which the accounts take their positions."""
ORDERS_PER_QUOTE = 50
"""First orders between two quotes."""
MID, TICK, QUANTITY = to_price("1000.00"), to_price("0.01"), to_price(1)
SWING_TICKS = 20
"""Furthest move of the mid price from MID."""
RESTING_TICKS = 100
"""Distance of the nearest resting order from MID, which the market never reaches."""
RESTING_LEVELS = 500
"""Number of prices over which resting orders are spread."""

LIMITS = json.dumps(
    ALL_CONTROLS | {"max_open_orders": 100_000, "max_open_orders_per_symbol": 100_000} | {"breakers": ALL_BREAKERS}
)


class AccountCost(NamedTuple):
    """Microseconds in the account shard for an order with its reports, and for a mark that moves all accounts."""

    us_per_order: float
    us_per_mark: float


def cost_of_accounts(accounts: int, orders: int = ORDERS) -> AccountCost:
    """Measures orders of random accounts, all filled. accounts: number of open accounts, each with a position."""
    return _AccountLoad([f"account-{number}" for number in range(accounts)]).cost(orders)


def cost_of_own_orders(working: int, orders: int = ORDERS) -> AccountCost:
    """Measures orders of one account, all filled. working: number of its other orders, which rest in the symbol."""
    load = _AccountLoad(["account"])
    for side, price in _resting_prices(working, load.random):
        load.send_order("account", side, price, TimeInForce.GTC, EVERY_NS)
    load.send_quote()
    return load.cost(orders)


class _AccountLoad:
    """An account shard with all controls and breakers on, which is timed, and the venue that answers it."""

    def __init__(self, accounts: Sequence[str]) -> None:
        config = judged_config()
        self._shard, self._venue = AccountShard(config, 0), ExecutionShard(config, 0)
        self._accounts, self.random = accounts, seeded_random()
        self._now_ns, self._number = START_NS, 0
        self._orders_s = self._marks_s = 0.0
        self._marks = 0
        for account in accounts:
            self._shard.apply(session_opening(account)._replace(limits=None), None)
        self.send_quote()
        for number, account in enumerate(accounts):
            self._take(account, Side.BUY, OPENING_NS)
            if number % ORDERS_PER_QUOTE == 0:
                self.send_quote()
        self.send_quote()

    def cost(self, orders: int) -> AccountCost:
        """Measures the orders in several rounds; the best counts, because other processes can only add."""
        rounds_s = []
        for _ in range(ROUNDS):
            self._orders_s = 0.0
            for number, index in enumerate(self.random.integers(0, len(self._accounts), orders).tolist()):
                self._take(self._accounts[index], Side.BUY if number % 2 else Side.SELL, EVERY_NS)
                self.send_quote()
            rounds_s.append(self._orders_s / orders)
        return AccountCost(min(rounds_s) * 1e6, self._marks_s / self._marks * 1e6)

    def send_order(self, account: str, side: Side, price: int, time_in_force: TimeInForce, every_ns: int) -> None:
        """Sends an order through the account shard to the venue, where it arrives with the next quote."""
        self._number += 1
        self._now_ns += every_ns
        order = limit_order(f"o{self._number}", account, SYMBOL, side, QUANTITY, price, time_in_force, self._now_ns)
        started = time.thread_time()
        outputs = self._shard.apply(order, None)
        self._orders_s += time.thread_time() - started
        approved_orders = [output.message for output in outputs if output.topic == "orders.approved"]
        assert approved_orders, outputs
        self._venue.apply(approved_orders[0], None)

    def send_quote(self) -> None:
        """Sends a quote to the venue, and its outputs to the account shard."""
        self._now_ns += EVERY_NS
        for output in self._venue.apply(swinging_quote(self._now_ns, self.random), None):
            started = time.thread_time()
            self._shard.apply(output.message, None)
            time_s = time.thread_time() - started
            if isinstance(output.message, Mark):
                self._marks_s += time_s
                self._marks += 1
            else:
                self._orders_s += time_s

    def _take(self, account: str, side: Side, every_ns: int) -> None:
        self.send_order(account, side, _crossing_price(side), TimeInForce.IOC, every_ns)


def venue_us_per_order(working: int, orders: int = ORDERS) -> float:
    """Returns microseconds of an order in the execution shard, quotes included. working: number of resting orders.

    In each group of three orders one is filled at once, one rests until the market reaches it, and one is canceled.
    """
    random, venue, now_ns = seeded_random(), ExecutionShard(judged_config(), 0), START_NS
    venue.apply(swinging_quote(now_ns, random), None)
    for number, (side, price) in enumerate(_resting_prices(working, random)):
        venue.apply(_approved(f"resting-{number}", side, price, TimeInForce.GTC, now_ns), None)
    rounds_s = []
    for _ in range(ROUNDS):
        inputs: list[ApprovedOrder | MarketData] = []
        for number in range(orders // 3):
            now_ns += EVERY_NS
            inputs += [swinging_quote(now_ns, random), *_three_orders(number, now_ns)]
        started = time.thread_time()
        for message in inputs:
            venue.apply(message, None)
        rounds_s.append((time.thread_time() - started) / orders)
    assert len(venue.venues[SYMBOL].orders.working) >= working
    return min(rounds_s) * 1e6


def _three_orders(number: int, now_ns: int) -> Iterator[ApprovedOrder]:
    side = Side.BUY if number % 2 else Side.SELL
    sign = 1 if side is Side.BUY else -1
    near, far = MID - sign * (number % (SWING_TICKS // 2)) * TICK, MID - sign * RESTING_TICKS * TICK
    yield _approved(f"take-{now_ns}", side, _crossing_price(side), TimeInForce.IOC, now_ns)
    yield _approved(f"near-{now_ns}", side, near, TimeInForce.GTC, now_ns)
    canceled = _approved(f"far-{now_ns}", side, far, TimeInForce.GTC, now_ns)
    yield canceled
    yield canceled._replace(action=Action.CANCEL, order_id=f"cancel-{now_ns}", orig_order_id=canceled.order_id)


def _resting_prices(working: int, random: np.random.Generator) -> Iterator[tuple[Side, int]]:
    """Yields sides and prices of orders that the market does not reach."""
    for number, level in enumerate(random.integers(0, RESTING_LEVELS, working).tolist()):
        distance = (RESTING_TICKS + level) * TICK
        yield (Side.BUY, MID - distance) if number % 2 else (Side.SELL, MID + distance)


def _crossing_price(side: Side) -> int:
    """Returns a limit price that crosses every quote."""
    return MID + (2 * SWING_TICKS if side is Side.BUY else -2 * SWING_TICKS) * TICK


def _approved(order_id: str, side: Side, price: int, time_in_force: TimeInForce, ts: int) -> ApprovedOrder:
    request = limit_order(order_id, "account", SYMBOL, side, QUANTITY, price, time_in_force, ts)
    return approved(request, "session-account", order_id, ts)


def swinging_quote(ts: int, random: np.random.Generator) -> MarketData:
    """Returns a quote around a random price near MID."""
    mid = MID + int(random.integers(-SWING_TICKS, SWING_TICKS + 1)) * TICK
    return quote(SYMBOL, ts, mid - TICK, mid + TICK)


def judged_config() -> CoreConfig:
    """Returns a configuration of one symbol with all controls and breakers on."""
    return CoreConfig(
        mock_trading=False,
        account_partitions=1,
        execution_partitions=1,
        mark_interval_ms=MARK_INTERVAL_MS,
        instruments=(exchange_instrument(SYMBOL),),
        limits=RiskLimits().changed_by(LIMITS),
        **RULES_OF_TODAY,
    )


def seeded_random() -> np.random.Generator:
    """Returns the random numbers of a measurement, the same in each."""
    return np.random.Generator(np.random.PCG64(SEED))
