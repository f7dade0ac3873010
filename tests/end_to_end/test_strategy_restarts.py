"""A strategy that is killed ten times trades as if it had not been; one that is left alone trades as its replay."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from infra.settings import Settings
from schemas.avro.codec import Codec
from schemas.records.enums import OrdStatus, Side
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
from streams.pipeline.feed.synthetic import SyntheticMarket, synthetic
from streams.pipeline.reference.load_config import core_config
from tests.end_to_end.processes import done, paper, running
from tests.evidence.replay.markets import Store
from tests.strategies.event_markets import until
from tests.strategies.test_restarts import held

SYMBOL, SECONDS, KILLS = "ACME.SIM", 600, 10
TWAP = "examples.twap:Twap"
TARGET, SLICE = 500, 10
INTERVAL_S, LATENCY_MS = 4, 2000
"""Of the twin: a request is due, and its result is known, well before the next slice, however slow the pipeline is."""
KILLED = ("--set", f"target={TARGET}", "--set", f"slice={SLICE}", "--set", "interval_s=0.1")


@pytest.fixture
def settings(pipeline_settings: Settings) -> Settings:
    return pipeline_settings.model_copy(update={"mock_trading": False})


def command(account: str, name: str, *arguments: str) -> tuple[str, ...]:
    return ("strategy", "run", name, "--account", account, "--symbol", SYMBOL, "--cash", "1000000", *arguments)


def test_a_killed_strategy_and_its_replayed_twin(settings: Settings, tmp_path: Path) -> None:
    codec = Codec(Registry(settings))
    twin = ("--latency-ms", str(LATENCY_MS), "--set", f"interval_s={INTERVAL_S}", "--set", "target=1000")
    alone = paper(settings, "strategy", "run", TWAP, "--account", "none", "--symbol", SYMBOL)
    assert alone.returncode == 1
    assert "account none: no session is open; open one by `paper session open --account none" in alone.stderr
    with (
        running(settings, tmp_path, "worker"),
        running(settings, tmp_path, *command("twin", TWAP, *twin)) as left_alone,
    ):
        left_alone.await_log(f" trades {SYMBOL}")
        feed = ("feed", "--synthetic", "--seconds", str(SECONDS), "--speed", "1")
        with running(settings, tmp_path, *feed):
            kill_and_start(settings, codec, tmp_path)
        left_alone.kill()
    check_killed(settings, codec)
    check_twin(settings, codec)


def kill_and_start(settings: Settings, codec: Codec, folder: Path) -> None:
    """Kills the strategy at a chosen order of each start, and lets it come to its target at last."""
    chosen = np.random.default_rng(3)
    for _ in range(KILLS):
        with (
            Follower(settings, codec, ["orders"]) as orders,
            running(settings, folder, *command("k", TWAP, *KILLED)) as it,
        ):
            await_orders(orders, int(chosen.integers(1, 4)))
            it.kill()
    with (
        Follower(settings, codec, ["positions"]) as positions,
        running(settings, folder, *command("k", TWAP, *KILLED)) as it,
    ):
        it.await_log(f" {SYMBOL}\n")
        it.await_log("of account k goes on")
        while True:
            for followed in positions.poll(0.1):
                if followed.message.account_id == "k" and followed.message.quantity >= TARGET * 10**9:
                    return


def await_orders(orders: Follower, count: int) -> None:
    while count > 0:
        count -= sum(followed.message.account_id == "k" for followed in orders.poll(0.05))


def check_killed(settings: Settings, codec: Codec) -> None:
    sent: list[OrderRequest] = read_account_topic(settings, codec, "orders", "k").messages
    results: list[OrderResult] = read_account_topic(settings, codec, "order.results", "k").messages
    reports: list[PositionReport] = read_account_topic(settings, codec, "positions", "k").messages
    assert len({request.order_id for request in sent}) == len(sent) > KILLS
    assert [result.text for result in results if result.ord_status is OrdStatus.REJECTED] == []
    assert held(results) == {SYMBOL: TARGET * 10**9} == {SYMBOL: reports[-1].quantity}, "neither lost nor doubled"
    assert all(request.side is Side.BUY for request in sent)
    (listed,) = done(settings, "positions", "--account", "k", "--json").splitlines()
    assert f'"quantity": "{TARGET}"' in listed


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


def check_twin(settings: Settings, codec: Codec) -> None:
    """The orders of the strategy that was left alone are those of a replay of the same market."""
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
