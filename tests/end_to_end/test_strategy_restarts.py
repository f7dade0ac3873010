"""Strategies that are killed ten times send nothing twice; one that is left alone trades as its replay."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from infra.settings import Settings
from schemas.avro.codec import Codec
from schemas.records.enums import OrdStatus
from schemas.records.messages import MarketData, OrderRequest, OrderResult, PositionReport
from schemas.records.numbers import NANOS_PER_MS, NANOS_PER_S
from schemas.registry import Registry
from streams.evidence.replay.market_time import market_only
from streams.evidence.replay.simulate import simulate
from streams.evidence.replay.what_if import WhatIf
from streams.pipeline.clients.account_topics import read_account_topic
from streams.pipeline.clients.follow import Follower
from streams.pipeline.clients.market_history import read_market_history
from streams.pipeline.clients.read_topic import read_topic
from streams.pipeline.feed.send import Feed
from streams.pipeline.feed.table import MarketTable
from streams.pipeline.reference.load_config import core_config
from tests.end_to_end.processes import done, paper, running
from tests.evidence.replay.markets import Store
from tests.strategies.event_markets import book_market, until
from tests.strategies.test_restarts import held

SYMBOL, SECONDS, KILLS = "ACME.SIM", 600, 10
TWAP = "examples.twap:Twap"
OWN_SYMBOL = "INITECH.SIM"
"""Of the twin: no other account takes liquidity there, so that its replay is alone as it was."""
TARGET = 2000
INTERVAL_S, LATENCY_MS = 4, 2000
"""Of the twin: a request is due, and its result is known, well before the next slice, however slow the pipeline is."""
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


def test_killed_examples_and_a_twin_of_its_replay(settings: Settings, tmp_path: Path) -> None:
    codec, table = Codec(Registry(settings)), market(settings)
    twin = ("--latency-ms", str(LATENCY_MS), "--set", f"interval_s={INTERVAL_S}", "--set", "target=1000")
    alone = paper(settings, "strategy", "run", TWAP, "--account", "none", "--symbol", SYMBOL)
    assert alone.returncode == 1
    assert "account none: no session is open; open one by `paper session open --account none" in alone.stderr
    with (
        running(settings, tmp_path, "worker"),
        running(settings, tmp_path, *command("twin", TWAP, *twin, symbols=(OWN_SYMBOL,))) as left_alone,
    ):
        left_alone.await_log(f" trades {OWN_SYMBOL}")
        with feeding(settings, codec, table):
            kill_and_start(settings, codec, tmp_path)
        left_alone.kill()
    for account in KILLED:
        check_killed(settings, codec, account)
    check_past(settings, codec)
    check_twin(settings, codec, table)


def kill_and_start(settings: Settings, codec: Codec, folder: Path) -> None:
    """Kills all examples at a chosen order of each start, and lets one come to its target at last."""
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
            if account != "twap":
                await_orders(orders, {account}, 1)
        while position(settings, codec, "twap") != TARGET * 10**9:
            orders.poll(0.5)


def position(settings: Settings, codec: Codec, account: str) -> int:
    """Returns the newest position of an account with one symbol, 1e-9 units."""
    reports: list[PositionReport] = read_account_topic(settings, codec, "positions", account).messages
    return reports[-1].quantity if reports else 0


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
        assert fills == {SYMBOL: TARGET * 10**9}, "neither lost nor doubled"
    listed = [json.loads(row) for row in done(settings, "positions", "--account", account, "--json").splitlines()]
    shown = {row["symbol"]: int(Decimal(row["quantity"]) * 10**9) for row in listed}
    assert {symbol: quantity for symbol, quantity in shown.items() if quantity} == fills


def check_past(settings: Settings, codec: Codec) -> None:
    """What is read back for a warm-up is the end of the market."""
    records: list[MarketData] = [item for item in read_topic(settings, codec, "market.data") if item.symbol == SYMBOL]
    newest_ns = max(item.times[-1] for item in records)
    for seconds in (2, 10**6):
        past = read_market_history(settings, codec, [SYMBOL], seconds * NANOS_PER_S)
        wanted = [item for item in records if item.times[-1] >= newest_ns - seconds * NANOS_PER_S]
        assert past.records == wanted != []
        assert past.newest_ns == newest_ns
        ((_, next_offset),) = past.starts.items()
        with Follower(settings, codec, ["market.data"], starts=past.starts) as after:
            assert next_offset > 0
            assert [item for item in after.poll(0.5) if item.message.symbol == SYMBOL] == []


def check_twin(settings: Settings, codec: Codec, table: MarketTable) -> None:
    """The orders of the strategy that was left alone are those of a replay of the same market."""
    sent: list[OrderRequest] = read_account_topic(settings, codec, "orders", "twin").messages
    core = core_config(settings)
    end_ns = sent[-1].ts - LATENCY_MS * NANOS_PER_MS
    told: dict[str, Any] = {"strategy": TWAP, "symbol": OWN_SYMBOL, "cash": "1000000"}
    told["parameters"] = {"interval_s": INTERVAL_S, "target": 1000}
    told["latency"] = {"model": "constant", "ms": LATENCY_MS}
    store = Store()
    what_if = WhatIf.parse({"strategies": {"twin": told}}, "test")
    simulate("r", core, market_only(until(table, end_ns + NANOS_PER_S), core), what_if, store)
    replayed = [order for order in store.messages("orders") if order.ts < sent[-1].ts]
    assert replayed == [order for order in sent if order.ts < sent[-1].ts] != []
