"""Live strategies over the whole stack, on a market with books, send the orders of their replays."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from infra.settings import Settings
from schemas.avro.codec import Codec
from schemas.records.enums import Action, ExecType
from schemas.records.messages import MarketData, OrderRequest
from schemas.records.numbers import NANOS_PER_MS, NANOS_PER_S
from schemas.registry import Registry
from streams.evidence.replay.market_time import market_only
from streams.evidence.replay.simulate import simulate
from streams.evidence.replay.what_if import WhatIf
from streams.pipeline.clients.account_topics import read_account_topic
from streams.pipeline.clients.follow import Follower
from streams.pipeline.clients.market_history import read_market_history
from streams.pipeline.clients.read_topic import read_topic
from streams.pipeline.feed.synthetic import START_NS
from streams.pipeline.feed.table import QUOTE, MarketTable
from streams.pipeline.reference.load_config import core_config
from tests.builders import px
from tests.end_to_end.processes import Background, paper, running
from tests.end_to_end.test_killed_examples import feeding
from tests.evidence.replay.markets import Store
from tests.strategies.event_markets import book_market, until

SYMBOL, SLOW_SYMBOL, SECONDS, ORDERS = "ACME.SIM", "GLOBEX.SIM", 600, 10
QUOTES_S = 2
"""From one quote of the slow symbol to the next."""
TWINS: dict[str, dict[str, Any]] = {
    "twin": {
        "strategy": "examples.twap:Twap",
        "symbol": SYMBOL,
        "parameters": {"interval_s": "4", "target": "1000"},
        "latency_ms": "2000",
        "result_latency_ms": "0",
    },
    "ema": {
        "strategy": "tests.strategies.cancelling_ema:CancellingEma",
        "symbol": SLOW_SYMBOL,
        "parameters": {"fast": "1", "slow": "2", "bar_ticks": "1", "distance_bps": "1"},
        "latency_ms": "500",
        "result_latency_ms": "1000",
    },
}
"""By account. Requests are due and results are learned well before the next decision, however slow the pipeline is."""
BRACKETS_MIN = 3
INTERRUPT_S = 10


@pytest.fixture
def settings(pipeline_settings: Settings) -> Settings:
    return pipeline_settings.model_copy(update={"mock_trading": False})


def market(settings: Settings) -> MarketTable:
    """Returns one symbol with quotes, trades and books, and one with a quote now and then."""
    chosen = tuple(item for item in core_config(settings).instruments if item.symbol == SYMBOL)
    draw, count = np.random.default_rng(settings.run_seed), SECONDS // QUOTES_S
    bid = px("100") + np.cumsum(draw.integers(-5, 6, count)) * px("0.01")
    slow = MarketTable(
        symbols=(SLOW_SYMBOL,),
        symbol=np.zeros(count, np.int32),
        kind=np.full(count, QUOTE, np.uint8),
        time=START_NS + np.arange(count) * QUOTES_S * NANOS_PER_S,
        bid_px=bid,
        bid_sz=np.full(count, px("10000")),
        ask_px=bid + px("0.01"),
        ask_sz=np.full(count, px("10000")),
    )
    return MarketTable.merged([book_market(settings.run_seed, SECONDS, chosen), slow])


def command(account: str) -> tuple[str, ...]:
    twin = TWINS[account]
    sets = [part for name, value in twin["parameters"].items() for part in ("--set", f"{name}={value}")]
    latencies = ("--latency-ms", twin["latency_ms"], "--result-latency-ms", twin["result_latency_ms"])
    named = ("strategy", "run", twin["strategy"], "--account", account, "--symbol", twin["symbol"])
    return (*named, "--cash", "1000000", *latencies, *sets)


def test_strategies_trade_as_their_replays(settings: Settings, tmp_path: Path) -> None:
    codec, table = Codec(Registry(settings)), market(settings)
    alone = paper(settings, "strategy", "run", TWINS["twin"]["strategy"], "--symbol", SYMBOL, "--account", "none")
    assert alone.returncode == 1
    assert "account none: no session is open; open one by `paper session open --account none" in alone.stderr
    with (
        running(settings, tmp_path, "worker"),
        running(settings, tmp_path, *command("twin")) as twin,
        running(settings, tmp_path, *command("ema")) as ema,
    ):
        twin.await_log(f" trades {SYMBOL}")
        ema.await_log(f" trades {SLOW_SYMBOL}")
        with Follower(settings, codec, ["orders"]) as orders, feeding(settings, codec, table):
            sent = 0
            while sent < ORDERS:
                sent += sum(followed.message.account_id == "twin" for followed in orders.poll(0.1))
            check_interrupt(settings, codec, ema)
        twin.kill()
    check_past(settings, codec)
    end_ns = sent_by(settings, codec, "twin")[-1].ts - int(TWINS["twin"]["latency_ms"]) * NANOS_PER_MS
    for account in TWINS:
        check_twin(settings, codec, until(table, end_ns), account, end_ns - NANOS_PER_S)


def check_interrupt(settings: Settings, codec: Codec, ema: Background) -> None:
    """Checks that Ctrl-C ends a run soon, that its orders are canceled, and that no result came too late for a twin."""
    with Follower(settings, codec, ["order.results"]) as results:
        ema.process.send_signal(signal.SIGINT)
        assert ema.process.wait(INTERRUPT_S) == 0, ema.log.read_text()
        while not any(item.message.exec_type is ExecType.MASS_CANCEL for item in results.poll(0.1)):
            pass
    assert sent_by(settings, codec, "ema")[-1].action is Action.MASS_CANCEL
    told = ema.log.read_text()
    assert "ms of market time late" in told
    assert "warning: the strategy learned" not in told, told


def sent_by(settings: Settings, codec: Codec, account: str) -> list[OrderRequest]:
    """Returns the requests of an account."""
    sent: list[OrderRequest] = read_account_topic(settings, codec, "orders", account).messages
    return sent


def check_past(settings: Settings, codec: Codec) -> None:
    """Checks that a warm-up reads back the end of the market."""
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


def check_twin(settings: Settings, codec: Codec, table: MarketTable, account: str, before_ns: int) -> None:
    """Checks that the orders of an account before a time are those of a replay of the same market."""
    core, store, twin = core_config(settings), Store(), TWINS[account]
    told = {name: twin[name] for name in ("strategy", "symbol", "parameters", "result_latency_ms")}
    told |= {"cash": "1000000", "latency": {"model": "constant", "ms": twin["latency_ms"]}}
    simulate("r", core, market_only(table, core), WhatIf.parse({"strategies": {account: told}}, "test"), store)
    replayed, sent = (
        [order for order in orders if order.ts < before_ns]
        for orders in (store.messages("orders"), sent_by(settings, codec, account))
    )
    assert len(sent) >= (ORDERS - 3 if account == "twin" else 3 * BRACKETS_MIN)
    assert replayed == sent
