"""`paper demo` as a user types it, on a synthetic market and on recorded files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from infra.settings import Settings
from tests.end_to_end.processes import paper
from tests.stacks import remove_pipeline

ORDERS_MIN = 2_000


@pytest.fixture
def settings(stack: Settings, tmp_path: Path) -> Settings:
    """Settings of the shared stack, with a ClickHouse database of the test's own."""
    return stack.model_copy(update={"mock_trading": False, "clickhouse_database": "test_demo"})


def demonstrated(settings: Settings, *arguments: str) -> dict[str, Any]:
    """Runs `paper demo`, verifies its record by replay as it advises, and returns what it printed."""
    shown = paper(settings, "demo", "--json", *arguments)
    assert shown.returncode == 0, f"{shown.stdout}\n{shown.stderr}"
    document: dict[str, Any] = json.loads(shown.stdout)
    run = settings.model_copy(update={"topic_prefix": document["topic_prefix"], "run_id": document["run_id"]})
    try:
        verified = paper(run, "replay", "verify", "--json")
        assert verified.returncode == 0, verified.stdout + verified.stderr
        assert json.loads(verified.stdout)["checked"]["fills"] > 0
    finally:
        remove_pipeline(run)
    return document


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
