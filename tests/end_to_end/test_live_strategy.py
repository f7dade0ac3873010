"""A strategy of the examples on the market of an exchange: it fills, and the gate counts its days as forward ones."""

from __future__ import annotations

import json
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest

from infra.clickhouse.client import connect
from infra.settings import Settings
from streams.evidence.gate.criteria import read_criteria
from streams.evidence.gate.gate_desk import CRITERIA_FILE
from streams.evidence.gate.gather_evidence import plain_rows
from tests.end_to_end.desk import AWAIT_S
from tests.end_to_end.processes import Background, done, running
from tests.end_to_end.running_exchange import SYMBOL, exchange_of, live_settings
from tests.end_to_end.test_live_trading import dead_letters
from tests.pipeline.live.exchange.recordings import generated

ACCOUNT, STRATEGY, ORDERS = "s", "momentum", 8
SIZED = ("--quantity", "0.01", "--max-position", "0.05", "--every", "10", "--max-orders", str(ORDERS))
COMMIT = "a" * 40
PROOFS = ("proved_rows", "replay_verification", "reconciliation")


@pytest.fixture
def settings(pipeline_settings: Settings, tmp_path: Path) -> Settings:
    return live_settings(pipeline_settings, tmp_path)


def test_a_strategy_trades_the_market_of_an_exchange_forward(settings: Settings, tmp_path: Path) -> None:
    recording = generated("spot", seed=9, depth_frames=800)
    with exchange_of(recording, {}) as exchange:
        done(settings, "instruments", "fetch", "binance", SYMBOL, "--yes", *exchange.urls)
        with (
            running(settings, tmp_path, "sink"),
            running(settings, tmp_path, "worker"),
            running(settings, tmp_path, "feed", "live", "binance", SYMBOL, *exchange.urls) as feed,
            running(settings, tmp_path, *_strategy()) as strategy,
        ):
            feed.await_log(f"feeds {SYMBOL}")
            strategy.await_log(f"{STRATEGY} trades {SYMBOL}")
            _await_end(strategy, exchange.play())
            assert feed.stop() == 0
            done(settings, "reconcile", "--wait", "60")
            (listed,) = map(json.loads, done(settings, "session", "list", "--json").splitlines())
            report = done(settings, "session", "report", listed["session_id"])
            decision = json.loads(done(settings, "gate", "evaluate", STRATEGY, "--commit", COMMIT, "--json", code=1))
            fills = _fills(settings)
    assert fills > 0
    assert (listed["strategy_id"], listed["fills"], listed["currency"]) == (STRATEGY, fills, "USDT")
    assert (listed["evidence"], listed["sources"]) == ("forward", ["live:binance:ccxt"])
    assert "evidence: forward" in report
    assert decision["level"] == "PAPER_ONLY"
    judged = {item["criterion"]: item for item in decision["criteria"] if item["level"] == "LIMITED_LIVE"}
    assert (judged["fills"]["value"], judged["mock_fills"]["value"]) == (fills, 0)
    assert judged["market_source"]["passed"], judged["market_source"]
    assert judged["forward_days"]["detail"] == "1 days: the market passed for too short a time"
    assert _forward(settings, hours=0)["forward_days"] == 1, "but for its length the day is a forward one"
    assert all(judged[name]["passed"] for name in PROOFS), judged
    assert dead_letters(settings) == 0


def _strategy() -> tuple[str, ...]:
    return ("strategy", "run", STRATEGY, "--account", ACCOUNT, "--symbol", SYMBOL, "--cash", "100000", *SIZED)


def _await_end(strategy: Background, playing: Future[None]) -> None:
    """Waits until the strategy has sent its orders and has an answer to each."""
    assert strategy.process.wait(AWAIT_S) == 0, strategy.log.read_text()
    assert f"{ORDERS} requests sent" in strategy.log.read_text()
    assert "0 unanswered" in strategy.log.read_text()
    playing.cancel()


def _fills(settings: Settings) -> int:
    with connect(settings) as client:
        fills: int = client.query("SELECT count() FROM fills").result_rows[0][0]
    return fills


def _forward(settings: Settings, hours: float) -> dict[str, Any]:
    """Returns what the gate counts as forward. hours: market time that a forward day needs."""
    config = read_criteria(CRITERIA_FILE).criteria.evidence.model_copy(update={"forward_hours_min": hours})
    asked = {"run_id": settings.run_id, "strategy_id": STRATEGY} | config.model_dump(mode="json")
    with connect(settings) as client:
        (row,) = plain_rows(client, "gate_forward", asked)
    return row
