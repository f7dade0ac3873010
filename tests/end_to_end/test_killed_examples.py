"""Examples are killed ten times and their shards move: nothing is sent twice, positions are those of the fills."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from infra.settings import Settings
from schemas.avro.codec import Codec
from schemas.records.enums import OrdStatus, Side
from schemas.records.messages import OrderRequest, OrderResult, PositionReport
from schemas.registry import Registry
from streams.pipeline.clients.account_topics import read_account_topic
from streams.pipeline.clients.follow import Follower
from streams.pipeline.feed.send import Feed
from streams.pipeline.feed.table import MarketTable
from streams.pipeline.reference.load_config import core_config
from tests.end_to_end.processes import done, running
from tests.strategies.event_markets import book_market
from tests.strategies.test_restarts import held

SYMBOL, SECONDS, KILLS = "ACME.SIM", 600, 10
TWAP = "examples.twap:Twap"
TARGET = 2000
KILLED: dict[str, tuple[str, ...]] = {
    "ema": ("examples.ema_cross:EmaCross", "fast=2", "slow=3", "bar_ticks=1", "distance_bps=1"),
    "pairs": ("examples.pairs:Pairs", "period=4", "interval_s=0.05"),
    "maker": ("examples.skewed_maker:SkewedMaker",),
    "twap": (TWAP, f"target={TARGET}", "slice=10", "interval_s=0.1"),
}
"""The shipped examples by account, with parameters with which they trade often."""
HELD_MAX = {"ema": 10, "pairs": 10, "maker": 50, "twap": TARGET}
"""Units that each may hold of a symbol."""
TOO_LATE = {"TOO_LATE_TO_CANCEL"}
"""The refusal that may come: an order filled before its cancel or replace arrived."""


@pytest.fixture
def settings(pipeline_settings: Settings) -> Settings:
    return pipeline_settings.model_copy(update={"mock_trading": False})


def command(account: str, name: str, *arguments: str, symbols: tuple[str, ...] = (SYMBOL,)) -> tuple[str, ...]:
    named = [part for symbol in symbols for part in ("--symbol", symbol)]
    return ("strategy", "run", name, "--account", account, *named, "--cash", "1000000", *arguments)


def example(account: str) -> tuple[str, ...]:
    """Returns the command of an example."""
    name, *parameters = KILLED[account]
    symbols = (SYMBOL, "GLOBEX.SIM") if account == "pairs" else (SYMBOL,)
    return command(account, name, *[part for item in parameters for part in ("--set", item)], symbols=symbols)


def market(settings: Settings) -> MarketTable:
    """Returns quotes, trades and books of the synthetic instruments."""
    chosen = tuple(item for item in core_config(settings).instruments if item.symbol.endswith(".SIM"))
    return book_market(settings.run_seed, SECONDS, chosen)


@contextmanager
def feeding(settings: Settings, codec: Codec, table: MarketTable) -> Iterator[None]:
    """Sends a market in its own time until the block ends."""
    feed = Feed(settings, codec, table)
    with ThreadPoolExecutor(1) as thread:
        running_feed = thread.submit(feed.run, 1.0)
        try:
            yield
        finally:
            feed.stop()
            running_feed.result()


def test_killed_examples_send_nothing_twice(settings: Settings, tmp_path: Path) -> None:
    codec, table = Codec(Registry(settings)), market(settings)
    with running(settings, tmp_path, "worker"), feeding(settings, codec, table):
        kill_and_start(settings, codec, tmp_path)
    for account in KILLED:
        check_killed(settings, codec, account)


def kill_and_start(settings: Settings, codec: Codec, folder: Path) -> None:
    """Kills all examples at a chosen order of each start.

    At last shards move to a second worker and back while the examples trade, and one comes to its target.
    """
    chosen = np.random.default_rng(3)
    for _ in range(KILLS):
        with ExitStack() as stack:
            orders = stack.enter_context(Follower(settings, codec, ["orders"]))
            started = [stack.enter_context(running(settings, folder, *example(account))) for account in KILLED]
            await_orders(orders, set(KILLED), int(chosen.integers(1, 12)))
            for run in started:
                run.kill()
    with ExitStack() as stack:
        orders = stack.enter_context(Follower(settings, codec, ["orders"]))
        started = [stack.enter_context(running(settings, folder, *example(account))) for account in KILLED]
        for account, run in zip(KILLED, started, strict=True):
            run.await_log(f"of account {account} goes on")
        with running(settings, folder, "worker") as second:
            second.await_log("stands at journal")
            await_one_of_each(orders)
        await_one_of_each(orders)
        while position(settings, codec, "twap") != TARGET * 10**9:
            orders.poll(0.5)


def position(settings: Settings, codec: Codec, account: str) -> int:
    """Returns the newest position of an account with one symbol, 1e-9 units."""
    reports: list[PositionReport] = read_account_topic(settings, codec, "positions", account).messages
    return reports[-1].quantity if reports else 0


def await_one_of_each(orders: Follower) -> None:
    """Waits for an order of each account that trades without end."""
    waiting = set(KILLED) - {"twap"}
    while waiting:
        waiting -= {followed.message.account_id for followed in orders.poll(0.05)}


def await_orders(orders: Follower, accounts: set[str], count: int) -> None:
    while count > 0:
        count -= sum(followed.message.account_id in accounts for followed in orders.poll(0.05))


def check_killed(settings: Settings, codec: Codec, account: str) -> None:
    """Nothing was sent twice, and the position is that of the fills."""
    sent: list[OrderRequest] = read_account_topic(settings, codec, "orders", account).messages
    results: list[OrderResult] = read_account_topic(settings, codec, "order.results", account).messages
    reports: list[PositionReport] = read_account_topic(settings, codec, "positions", account).messages
    assert len({request.order_id for request in sent}) == len(sent) > KILLS
    codes = {result.reason_code for result in results if result.ord_status is OrdStatus.REJECTED}
    assert codes <= TOO_LATE, account
    fills = {symbol: quantity for symbol, quantity in held(results).items() if quantity}
    newest = {report.symbol: report.quantity for report in reports}
    assert fills == {symbol: quantity for symbol, quantity in newest.items() if quantity}, account
    assert all(abs(quantity) <= HELD_MAX[account] * 10**9 for quantity in fills.values()), account
    if account == "twap":
        assert codes == set()
        assert fills == {SYMBOL: TARGET * 10**9}, "neither lost nor doubled"
        assert all(request.side is Side.BUY for request in sent)
    listed = [json.loads(row) for row in done(settings, "positions", "--account", account, "--json").splitlines()]
    shown = {row["symbol"]: int(Decimal(row["quantity"]) * 10**9) for row in listed}
    assert {symbol: quantity for symbol, quantity in shown.items() if quantity} == fills
