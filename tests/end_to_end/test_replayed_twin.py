"""A live strategy over the whole stack sends the orders of its replay."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from infra.settings import Settings
from schemas.avro.codec import Codec
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
from streams.pipeline.feed.synthetic import SyntheticMarket, synthetic
from streams.pipeline.reference.load_config import core_config
from tests.end_to_end.processes import paper, running
from tests.evidence.replay.markets import Store
from tests.strategies.event_markets import until

SYMBOL, SECONDS, ORDERS = "ACME.SIM", 600, 10
TWAP = "examples.twap:Twap"
INTERVAL_S, LATENCY_MS = 4, 2000
"""A request of the twin is due, and its result is known, well before the next slice, however slow the pipeline is."""


@pytest.fixture
def settings(pipeline_settings: Settings) -> Settings:
    return pipeline_settings.model_copy(update={"mock_trading": False})


def test_a_strategy_trades_as_its_replay(settings: Settings, tmp_path: Path) -> None:
    codec, run = Codec(Registry(settings)), ("strategy", "run", TWAP, "--symbol", SYMBOL)
    alone = paper(settings, *run, "--account", "none")
    assert alone.returncode == 1
    assert "account none: no session is open; open one by `paper session open --account none" in alone.stderr
    told = ("--latency-ms", str(LATENCY_MS), "--set", f"interval_s={INTERVAL_S}", "--set", "target=1000")
    feed = ("feed", "--synthetic", "--seconds", str(SECONDS), "--speed", "1")
    with (
        running(settings, tmp_path, "worker"),
        running(settings, tmp_path, *run, "--account", "twin", "--cash", "1000000", *told) as twin,
    ):
        twin.await_log(f" trades {SYMBOL}")
        with Follower(settings, codec, ["orders"]) as orders, running(settings, tmp_path, *feed):
            sent = 0
            while sent < ORDERS:
                sent += sum(1 for _ in orders.poll(0.1))
        twin.kill()
    check_past(settings, codec)
    check_twin(settings, codec)


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


def check_twin(settings: Settings, codec: Codec) -> None:
    """Checks that its orders are those of a replay of the same market."""
    sent: list[OrderRequest] = read_account_topic(settings, codec, "orders", "twin").messages
    core = core_config(settings)
    chosen = tuple(item for item in core.instruments if item.symbol.endswith(".SIM"))
    table = synthetic(SyntheticMarket(settings.run_seed, SECONDS), chosen)
    end_ns = sent[-1].ts - LATENCY_MS * NANOS_PER_MS
    told: dict[str, Any] = {"strategy": TWAP, "symbol": SYMBOL, "cash": "1000000"}
    told["parameters"] = {"interval_s": INTERVAL_S, "target": 1000}
    told["latency"] = {"model": "constant", "ms": LATENCY_MS}
    store = Store()
    what_if = WhatIf.parse({"strategies": {"twin": told}}, "test")
    simulate("r", core, market_only(until(table, end_ns + NANOS_PER_S), core), what_if, store)
    replayed = [order for order in store.messages("orders") if order.ts < sent[-1].ts]
    assert replayed == [order for order in sent if order.ts < sent[-1].ts] != []
