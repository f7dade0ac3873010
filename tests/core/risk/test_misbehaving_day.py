"""A recorded day with five accounts that misbehave on purpose: the right control stops each at the exact event.

The sixth account is honest and ends as it would alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from infra.settings import Settings
from schemas.records.enums import BreakerState, RiskEventKind, Side, TimeInForce
from schemas.records.messages import AccountEquity, Fill, OrderRequest, OrderResult, RiskEvent
from schemas.records.numbers import price_text
from schemas.records.output import Message
from streams.core.core_config import CoreConfig
from streams.core.risk.limits import RiskLimits
from streams.evidence.replay.replay_engine import ReplayEngine
from streams.pipeline.feed.pack import pack
from streams.pipeline.feed.read_file import read_file
from streams.pipeline.feed.table import MarketTable
from streams.pipeline.reference.load_config import load_instruments
from tests.builders import SECOND, new, opening

SYMBOL = "AIG.US"
OPEN_NS = 1_381_325_400 * SECOND
"""2013-10-09 13:30:00 UTC: the New York session opens."""
UPDATES = 256
BUY, SELL = Side.BUY, Side.SELL
LIMITS: dict[str, Any] = {
    "order_rate": {"limit": 20, "window_ms": 1_000},
    "price_collar": {"percent": "10"},
    "max_position": "5000",
    "breakers": {
        "losses": {"kind": "consecutive_losses", "limit": 5},
        "errors": {"kind": "error_rate", "window_count": 10, "min_observations": 10, "percent": "50"},
    },
}

Quote = tuple[int, int, int]
"""Time, bid and ask."""
Strategy = Callable[[int, Quote], list[OrderRequest]]
"""Of the number of the look at the market since the opening, and the last quote."""


def order(account: str, number: int, side: Side, quantity: int | str, price: int, ts: int) -> OrderRequest:
    price_as_text = price_text(price)
    name = f"{account}-{number}"
    return new(name, side, quantity, price_as_text, tif=TimeInForce.IOC, symbol=SYMBOL, account=account, ts=ts)


def runaway(look: int, quote: Quote) -> list[OrderRequest]:
    """At the hundredth look a loop sends thirty orders at once."""
    ts, bid, _ = quote
    return [order("runaway", n, BUY, 1, bid, ts) for n in range(30)] if look == 100 else []


def fat_finger(look: int, quote: Quote) -> list[OrderRequest]:
    """Every fiftieth look an order at the ask; the fourth with a digit too many in its price."""
    ts, _, ask = quote
    number = look // 50
    return [order("fat-finger", number, BUY, 1, ask * 10 if number == 4 else ask, ts)] if look % 50 == 0 else []


def losing(look: int, quote: Quote) -> list[OrderRequest]:
    """Buys at the ask and sells at the bid, again and again: each round trip pays the spread and two fees."""
    ts, bid, ask = quote
    if look % 20:
        return []
    number = look // 20
    return [order("losing", number, *((BUY, 100, ask) if number % 2 == 0 else (SELL, 100, bid)), ts)]


def flooding(look: int, quote: Quote) -> list[OrderRequest]:
    """Sends orders that are refused: half a share."""
    ts, _, ask = quote
    return [order("flooding", look, BUY, "0.5", ask, ts)] if look < 30 else []


def doubling(look: int, quote: Quote) -> list[OrderRequest]:
    """Twice as many each time, resting well below the market: working orders count as if they had filled."""
    ts, bid, _ = quote
    number = look // 30
    if look % 30 or number > 8:
        return []
    price = bid - bid // 20 // 10_000_000 * 10_000_000
    return [order("doubling", number, BUY, 100 * 2**number, price, ts)._replace(time_in_force=TimeInForce.GTC)]


def honest(look: int, quote: Quote) -> list[OrderRequest]:
    """Buys at the ask and much later sells at the bid, so that not every trip pays the spread for nothing."""
    ts, bid, ask = quote
    if look % 600:
        return []
    number = look // 600
    return [order("honest", number, *((BUY, 10, ask) if number % 2 == 0 else (SELL, 10, bid)), ts)]


STRATEGIES: dict[str, Strategy] = {
    "runaway": runaway,
    "fat-finger": fat_finger,
    "losing": losing,
    "flooding": flooding,
    "doubling": doubling,
    "honest": honest,
}


@dataclass
class Day:
    """The outcome of the day, by account."""

    results: dict[str, list[OrderResult]] = field(default_factory=dict)
    events: dict[str, list[RiskEvent]] = field(default_factory=dict)
    fills: dict[str, list[Fill]] = field(default_factory=dict)
    equity: dict[str, list[AccountEquity]] = field(default_factory=dict)

    def keep(self, topic: str, partition: int, key: str, message: Message) -> None:
        if isinstance(message, OrderResult):
            self.results.setdefault(message.account_id, []).append(message)
        elif isinstance(message, RiskEvent):
            self.events.setdefault(message.account_id, []).append(message)
        elif isinstance(message, Fill):
            self.fills.setdefault(message.account_id, []).append(message)
        elif isinstance(message, AccountEquity):
            self.equity.setdefault(message.account_id, []).append(message)

    def refused(self, account: str) -> list[tuple[str, str | None]]:
        """Returns orders and codes of the refusals."""
        return [(item.order_id, item.reason_code) for item in self.results[account] if item.ord_status == "REJECTED"]

    def opened(self, account: str) -> list[RiskEvent]:
        """Returns the breakers that opened."""
        kinds = [item for item in self.events[account] if item.kind is RiskEventKind.BREAKER_TRANSITION]
        return [item for item in kinds if item.breaker_state is BreakerState.OPEN]


def looks(table: MarketTable) -> Iterator[tuple[Message, Quote]]:
    """Each batch of the day, and the last quote in it."""
    for start in range(0, len(table), UPDATES):
        for record in pack(table, start, min(start + UPDATES, len(table))):
            if record.bid_px:
                yield record, (record.times[-1], record.bid_px[-1], record.ask_px[-1])


def traded(table: MarketTable, accounts: list[str]) -> Day:
    known = load_instruments(Settings(_env_file=None).reference_data)
    instruments = tuple(item for item in known if item.symbol == SYMBOL)
    config = CoreConfig(
        mock_trading=False,
        account_partitions=1,
        execution_partitions=1,
        instruments=instruments,
        limits=RiskLimits().patched(LIMITS),
    )
    day = Day()
    engine = ReplayEngine(config, day.keep)
    for account in accounts:
        engine.process("controls", 0, opening(account, cash="10000000"), 0)
    look = 0
    for record, quote in looks(table):
        engine.process("market.data", 0, record, 0)
        if quote[0] < OPEN_NS:
            continue
        for account in accounts:
            for request in STRATEGIES[account](look, quote):
                engine.process("orders", 0, request, 0)
        look += 1
    return day


@pytest.fixture(scope="module")
def table(market_data_folder: Path) -> MarketTable:
    (path,) = market_data_folder.glob("AIG_US_20131009.quotes*")
    return read_file(path)


@pytest.fixture(scope="module")
def day(table: MarketTable) -> Day:
    return traded(table, list(STRATEGIES))


def test_a_runaway_loop_meets_the_order_rate_at_its_twenty_first_order(day: Day) -> None:
    assert day.refused("runaway") == [(f"runaway-{number}", "ORDER_RATE") for number in range(20, 30)]


def test_a_fat_finger_meets_the_price_collar_and_only_that_order_is_refused(day: Day) -> None:
    assert day.refused("fat-finger") == [("fat-finger-4", "PRICE_COLLAR")]


def test_loss_after_loss_opens_the_breaker_at_the_fifth_and_stops_the_very_next_order(day: Day) -> None:
    trips, before = [], 0
    for fill in day.fills["losing"]:
        before += fill.realised_pnl
        if fill.position_qty == 0:
            trips.append((fill.exec_id, before))
            before = 0
    losses, fifth = 0, None
    for exec_id, result in trips:
        losses = losses + 1 if result < 0 else 0
        fifth = fifth or (exec_id if losses == 5 else None)
    (event,) = day.opened("losing")
    assert (event.breaker, event.cause) == ("losses", fifth)
    assert day.fills["losing"][-1].exec_id == fifth, "nothing was executed afterwards"
    refused = day.refused("losing")
    assert {code for _, code in refused} == {"BREAKER_OPEN"}
    assert refused[0][0] == f"losing-{len(day.fills['losing'])}", "the very next order"
    stopped = next(item for item in day.results["losing"] if item.order_id == refused[0][0])
    assert (stopped.breaker, stopped.breaker_event_id) == ("losses", event.event_id)


def test_a_flood_of_rejects_opens_the_error_rate_at_the_tenth(day: Day) -> None:
    codes = [code for _, code in day.refused("flooding")]
    assert codes[:10] == ["MIN_QUANTITY"] * 10
    assert set(codes[10:]) <= {"BREAKER_OPEN", "BREAKER_HALF_OPEN", "MIN_QUANTITY"}
    assert codes[10] == "BREAKER_OPEN"
    first = day.opened("flooding")[0]
    assert (first.breaker, first.order_id or first.cause) == ("errors", "flooding-9")


def test_doubling_down_meets_the_position_limit_that_counts_working_orders(day: Day) -> None:
    assert day.refused("doubling") == [(f"doubling-{number}", "MAX_POSITION") for number in (5, 6, 7, 8)]


def test_the_honest_account_is_untouched(day: Day, table: MarketTable) -> None:
    assert day.refused("honest") == []
    assert not day.opened("honest")
    alone = traded(table, ["honest"])
    told = [(item.order_id, item.quantity, item.price, item.ts) for item in day.fills["honest"]]
    assert told
    assert told == [(item.order_id, item.quantity, item.price, item.ts) for item in alone.fills["honest"]]
    assert day.equity["honest"][-1].equity == alone.equity["honest"][-1].equity
