"""Statistics compared with published numbers, through the shared SQL functions and queries."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from clickhouse_connect.driver.client import Client

from streams.evidence.metrics.compute_metrics import MetricScope, metric_rows
from streams.evidence.metrics.conventions import Conventions
from tests.evidence.metrics.rows import DAY, FIRST_DAY, connected, fill, insert, migrated_server, new_run, session

SESSION = MetricScope("session", "s")


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    with migrated_server(tmp_path_factory.mktemp("oracle") / "data") as settings, connected(settings) as connection:
        yield connection


@pytest.mark.parametrize(
    ("expression", "expected", "tolerance"),
    [
        ("paper_psr(0.458, 0, 24, 0, 3)", 0.982, 5e-4),
        ("paper_psr(0.458, 0, 24, -2.448, 10.164)", 0.913, 5e-4),
        ("paper_sharpe_error(0.7079, 134, -0.2250, 2.9570)", 0.1028, 5e-5),
        ("paper_min_track_record(2 / sqrt(250), 1 / sqrt(250), 0, 3, 0.95) / 250", 2.731, 1e-3),
        ("paper_min_track_record(2 / sqrt(52), 1 / sqrt(52), 0, 3, 0.95) / 52", 2.829, 1e-3),
        ("paper_min_track_record(2 / sqrt(12), 1 / sqrt(12), 0, 3, 0.95) / 12", 3.240, 1e-3),
        ("paper_deflated_target(100, 0.5 / 250)", 0.113172, 1e-6),
        ("paper_psr(2.5 / sqrt(250), paper_deflated_target(100, 0.5 / 250), 1250, -3, 10)", 0.900397, 1e-6),
        ("paper_expected_maximum(10)", 1.574598, 1e-6),
        ("paper_expected_maximum(100)", 2.530603, 1e-6),
        ("paper_expected_maximum(1000)", 3.255122, 1e-6),
    ],
)
def test_sharpe_ratios_in_doubt(client: Client, expression: str, expected: float, tolerance: float) -> None:
    """Bailey and Lopez de Prado 2012 and 2014, rubenbriones/Probabilistic-Sharpe-Ratio."""
    assert client.query(f"SELECT {expression}").result_rows[0][0] == pytest.approx(expected, abs=tolerance)


FEW = Conventions(min_returns=1, min_calendar_days=1)
"""Conventions under which few observations are enough: sources compute their ratios of a handful."""


def returns_of(client: Client, opening: Any, ends: list[Any], **conventions: Any) -> dict[str, Any]:
    """Returns the metrics of a session whose days end with these equities."""
    run_id = new_run()
    insert(client, "account_equity", session(run_id, opening, ends))
    (row,) = metric_rows(client, "metrics_returns", run_id, SESSION, FEW._replace(**conventions))
    return row


def grown(percents: list[float]) -> list[float]:
    """Returns the equity at the end of each day, from 1,000,000."""
    ends, value = [], 1_000_000.0
    for percent in percents:
        value *= 1 + percent / 100
        ends.append(value)
    return ends


@pytest.mark.parametrize(
    ("percents", "metric", "expected", "tolerance"),
    [
        ([1, 10, -4, 2, 3, 2, 1, -10], "sharpe", 1.7238613962, 1e-8),
        ([1, 10, -4, 2, 3, 2, 1, -10], "sortino", 2.6055312517, 1e-8),
        ([1, -2, 1.5, -0.5, 2.5], "sharpe", 4.48998886412873, 1e-9),
        ([0, -6, -7, -1, -9, -2, -6, -8, -5], "max_drawdown", -0.36590730, 1e-8),
        ([-2, -6, -7, -1, -9, -2, -6, -8, -5], "max_drawdown", -0.378589157, 1e-8),
        ([-5, -3, -2, -1, 0, 1, 1, 2, 3, 4], "value_at_risk", -0.022, 1e-9),
        ([-5, -3, -2, -1, 0, 1, 1, 2, 3, 4], "expected_shortfall", -0.04, 1e-9),
    ],
)
def test_returns(client: Client, percents: list[float], metric: str, expected: float, tolerance: float) -> None:
    """empyrical-reloaded, nautechsystems/nautilus_trader."""
    row = returns_of(client, 1_000_000, grown(percents), level=0.2)
    assert row[metric] == pytest.approx(expected, abs=tolerance)


def test_growth_in_a_hundred_days(client: Client) -> None:
    """freqtrade/freqtrade."""
    row = returns_of(client, 1000, [1000 + 5 * day for day in range(1, 101)])
    assert row["cagr"] == pytest.approx(3.3927, abs=5e-5)


def test_drawdowns_weighted_by_time(client: Client) -> None:
    row = returns_of(client, 100, [110, 99, "104.5", 121])
    assert row["time_weighted_drawdown"] == pytest.approx(0.03, abs=1e-7)
    assert row["ulcer_index"] == pytest.approx(0.05, abs=1e-7)


def test_trades(client: Client) -> None:
    """freqtrade/freqtrade: profits and losses 100, 200, 50, -150, 300, -100, 80, -30."""
    run_id, fills = new_run(), []
    for number, pnl in enumerate([100, 200, 50, -150, 300, -100, 80, -30]):
        ts = FIRST_DAY + number * DAY
        fills.append(fill(run_id, "BUY", 1, 1000, ts, position_qty=1))
        fills.append(fill(run_id, "SELL", 1, 1000 + pnl, ts, realised_pnl=pnl))
    insert(client, "account_equity", session(run_id, 1000, [1000]))
    insert(client, "fills", fills)
    for basis in ("round_trips", "lots"):
        (row,) = metric_rows(client, "metrics_trades", run_id, SESSION, Conventions(basis=basis))
        assert (row["trades"], row["expectancy"]) == (8, pytest.approx(56.25, abs=1e-6))
        assert row["expectancy_ratio"] == pytest.approx(0.60267857, abs=1e-6)
        assert row["profit_factor"] == pytest.approx(2.6071429, abs=1e-6)
