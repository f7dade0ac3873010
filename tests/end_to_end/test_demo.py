"""`paper demo` as a user types it, on a synthetic market and on recorded files."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra.clickhouse.client import connect
from infra.settings import Settings
from schemas.records.numbers import price_text
from streams.pipeline.feed.read_file import read_file
from streams.pipeline.reference.load_config import load_instruments
from streams.tools.demo.traders import plan_traders
from tests.end_to_end.processes import paper
from tests.stacks import remove_pipeline

ORDERS_MIN = 1_000
LATENCY_MAX_MS = 100
"""The longest latency of the simulators that the tests name."""
QUOTES = 150
SYMBOLS = ("ACME.SIM", "GLOBEX.SIM")
START_NS = 1_700_000_000_000_000_000
RESULTS = """
SELECT account_id, order_id, request_id, exec_type, ord_status, last_px, last_qty, cum_qty, reason_code, order_ts
FROM order_results FINAL WHERE run_id = {run:String} ORDER BY account_id, partition, offset
"""


@pytest.fixture
def settings(stack: Settings, tmp_path: Path) -> Settings:
    """Settings of the shared stack, with a ClickHouse database of the test's own."""
    return stack.model_copy(update={"mock_trading": False, "clickhouse_database": "test_demo"})


def demonstrated(settings: Settings, *arguments: str) -> dict[str, Any]:
    """Runs `paper demo`, verifies its record by replay as it advises, and returns what it printed."""
    document, run = kept_demo(settings, *arguments)
    remove_pipeline(run)
    return document


def kept_demo(settings: Settings, *arguments: str) -> tuple[dict[str, Any], Settings]:
    """Does the same, and returns the settings of the run, which is still there."""
    shown = paper(settings, "demo", "--json", *arguments)
    assert shown.returncode == 0, f"{shown.stdout}\n{shown.stderr}"
    document: dict[str, Any] = json.loads(shown.stdout)
    run = settings.model_copy(update={"topic_prefix": document["topic_prefix"], "run_id": document["run_id"]})
    verified = paper(run, "replay", "verify", "--json")
    assert verified.returncode == 0, verified.stdout + verified.stderr
    assert json.loads(verified.stdout)["checked"]["fills"] > 0
    return document, run


def test_the_synthetic_market_reconciles(settings: Settings) -> None:
    document = demonstrated(settings, "--seconds", "5", "--workers", "2")
    assert document["reconciliation"]["passed"]
    assert {account["account"].split(":")[0] for account in document["accounts"]} == {
        "market-maker",
        "momentum",
        "mean-reversion",
    }
    assert any(float(account["commission"]) > 0 for account in document["accounts"])
    assert (document["compared"], document["mock"]) == ([], None), "the settings choose another simulator"


def test_by_default_the_examples_trade_realistically_beside_one_mock_session(settings: Settings) -> None:
    document = demonstrated(settings.model_copy(update={"mock_trading": True}), "--seconds", "5")
    assert document["reconciliation"]["passed"]
    realistic, mock = document["compared"]
    assert (realistic["simulator"], mock["simulator"]) == ("realistic", "mock")
    assert mock["account"] == f"{realistic['account']}:mock"
    others = [row for row in document["accounts"] if row != mock]
    assert {row["simulator"] for row in others} == {"realistic"}
    fills = sum(row["fills"] for row in document["accounts"])
    assert document["mock"].startswith(f"{mock['fills']:,} of {fills:,} fills are mock")


def test_recorded_minutes_reconcile(settings: Settings, market_data_folder: Path, tmp_path: Path) -> None:
    for path in market_data_folder.glob("BTCUSDT*.csv.gz"):
        (tmp_path / path.name).symlink_to(path)
    document = demonstrated(settings, "--data", str(tmp_path))
    assert document["reconciliation"]["passed"]
    assert document["quotes"] == 66_089
    assert document["reconciliation"]["counts"]["orders"] >= ORDERS_MIN
    assert max(row["max_ms"] for row in document["arrivals"]) <= LATENCY_MAX_MS


def write_slow_market(path: Path) -> None:
    """Writes some minutes of two symbols with seconds between their quotes."""
    lines = ["ts_ns,symbol,bid_px,bid_sz,ask_px,ask_sz"]
    for number in range(QUOTES):
        symbol, bid = SYMBOLS[number % 2], 5_000 + 3 * (number * number % 17)
        quote = f"{symbol},{bid / 100:.2f},{100 + number % 7},{(bid + 2) / 100:.2f},{90 + number % 5}"
        lines.append(f"{START_NS + number * 2_000_000_000},{quote}")
    path.write_text("\n".join(lines) + "\n")


def write_traders(settings: Settings, market: Path, path: Path) -> None:
    """Writes the demonstration's traders as strategies of a re-simulation."""
    instruments = {item.symbol: item for item in load_instruments(settings.reference_data)}
    strategies = {
        trader.account_id: {
            "strategy": trader.strategy,
            "symbol": trader.instrument.symbol,
            "quantity": price_text(trader.quantity),
            "max_position": price_text(trader.max_position),
            "every": trader.every,
            "cash": 100_000_000,
        }
        for trader in plan_traders(read_file(market), instruments)
    }
    path.write_text(yaml.safe_dump({"strategies": strategies}))


@pytest.mark.parametrize("simulator", ["mock", "top-of-book", "realistic"])
def test_a_recorded_day_gives_what_a_replay_with_its_strategies_gives(
    settings: Settings, tmp_path: Path, simulator: str
) -> None:
    market, changes = tmp_path / "market", tmp_path / "traders.yaml"
    market.mkdir()
    write_slow_market(market / "slow.csv")
    write_traders(settings, market / "slow.csv", changes)
    settings = settings.model_copy(
        update={"mock_trading": simulator == "mock", "simulator": "" if simulator == "top-of-book" else simulator}
    )
    document, run = kept_demo(settings, "--data", str(market))
    try:
        inputs = ("--strategies-only", "--data", str(market), "--with", str(changes))
        shown = paper(run, "replay", "run", "--run-id", "again", *inputs)
        assert shown.returncode == 0, shown.stderr
        with closing(connect(run)) as client:
            ours, theirs = (
                client.query(RESULTS, parameters={"run": name}).result_rows for name in (run.run_id, "again")
            )
    finally:
        remove_pipeline(run)
    assert ours == theirs
    assert len(ours) > QUOTES
    assert {row["session"].split(":", 1)[1] for row in document["arrivals"]} == {row[0] for row in ours}
    assert max(row["max_ms"] for row in document["arrivals"]) <= LATENCY_MAX_MS


def test_a_recorded_day_can_not_run_on_kafkas_time(settings: Settings, tmp_path: Path) -> None:
    write_slow_market(tmp_path / "slow.csv")
    shown = paper(settings.model_copy(update={"time_source": "record"}), "demo", "--data", str(tmp_path))
    assert (shown.returncode, "TIME_SOURCE=event" in shown.stderr) == (1, True)


def test_an_instrument_without_sizes_is_traded_by_value(settings: Settings, tmp_path: Path) -> None:
    """Ten thousand lots of gold would be worth more than a limit can say."""
    lines = ["ts_ns,symbol,bid_px,bid_sz,ask_px,ask_sz"]
    for number in range(2_000):
        bid = 203_155 + 40 * (number % 50) - number % 7
        quote = f"XAUUSD.CFD,{bid // 100}.{bid % 100:02},,{(bid + 20) // 100}.{(bid + 20) % 100:02},"
        lines.append(f"{1_700_000_000_000_000_000 + number * 500_000_000},{quote}")
    (tmp_path / "gold.csv").write_text("\n".join(lines) + "\n")
    document = demonstrated(settings, "--data", str(tmp_path))
    assert document["reconciliation"]["passed"]
    assert {fill["symbol"] for fill in document["fills"]} == {"XAUUSD.CFD"}


def test_a_folder_without_market_data_says_so(settings: Settings, tmp_path: Path) -> None:
    empty = paper(settings, "demo", "--data", str(tmp_path))
    assert (empty.returncode, "no market data files" in empty.stderr) == (1, True)
