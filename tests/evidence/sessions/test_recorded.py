"""Recorded days traded by the demonstration: sessions are rebuilt, metrics recomputed, reports drawn."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from infra.clickhouse.client import connect
from infra.settings import Settings
from streams.evidence.metrics.compute_metrics import MetricScope, metric_values
from streams.evidence.metrics.conventions import Conventions
from tests.end_to_end.processes import paper
from tests.evidence.sessions.browser import open_page
from tests.evidence.sessions.dom import shapes
from tests.evidence.sessions.recompute import Numbers, RawTopics, recompute
from tests.evidence.sessions.recorded_days import write_days
from tests.stacks import remove_pipeline

STOCK_SESSION = "momentum:AIG.US"


@pytest.fixture(scope="module")
def run(stack: Settings, market_data_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """Yields a finished demonstration over parts of the recorded AIG day and of three days of EURUSD."""
    folder = tmp_path_factory.mktemp("recorded") / "days"
    write_days(market_data_folder, folder)
    settings = stack.model_copy(update={"mock_trading": False, "clickhouse_database": "test_sessions"})
    shown = paper(settings, "demo", "--json", "--data", str(folder))
    assert shown.returncode == 0, f"{shown.stdout}\n{shown.stderr}"
    document = json.loads(shown.stdout)
    demonstrated = settings.model_copy(update={"topic_prefix": document["topic_prefix"], "run_id": document["run_id"]})
    try:
        yield demonstrated
    finally:
        remove_pipeline(demonstrated)


def metrics_of(run: Settings, session: str) -> dict[str, Any]:
    """Returns ClickHouse's metrics by name, and daily returns by day."""
    scope = MetricScope("session", session)
    with closing(connect(run)) as client:
        found = {item.name: item.value for item in metric_values(client, run.run_id, scope, Conventions())}
        days = metric_values(client, run.run_id, scope, Conventions(), by="day")
        return found | {item.part: item.value for item in days if item.name == "daily_return"}


def test_clickhouse_says_what_the_raw_records_say(run: Settings) -> None:
    topics = RawTopics(run.kafka_bootstrap_servers, run.schema_registry_url, run.topic_prefix)
    sessions, quoted = recompute(topics)
    assert len(sessions) == 6
    assert sum(numbers.fills for numbers in sessions.values()) > 50
    for name, numbers in sessions.items():
        found = metrics_of(run, name)
        if not numbers.fills:
            assert "days" not in found, "nothing was valued after the opening"
            assert (found.get("orders", 0), found.get("rejected_orders", 0)) == (
                numbers.orders,
                numbers.rejected_orders,
            )
            continue
        assert_same_sums(found, numbers, name)
        returns = numbers.returns(quoted)
        assert [part for part in found if part[:2] == "20"] == [day.isoformat() for day in returns], name
        assert found["days"] == len(returns), name
        for day, value in returns.items():
            assert math.isclose(found[day.isoformat()], value, abs_tol=1e-12), (name, day)
        total = math.prod(1 + float(value) for value in returns.values()) - 1
        assert math.isclose(found["total_return"], total, abs_tol=1e-12), name


def test_the_record_proves_itself(run: Settings) -> None:
    proved = paper(run, "replay", "verify", "--json")
    document = json.loads(proved.stdout)
    assert (proved.returncode, document["differences"]) == (0, [])
    assert document["checked"]["fills"] > 50


def assert_same_sums(found: dict[str, Any], numbers: Numbers, name: str) -> None:
    assert numbers.cash == numbers.opening_cash + numbers.flows - numbers.borrow_fees, name
    exact = {
        "fills": numbers.fills,
        "fees": numbers.fees,
        "traded_value": numbers.traded_value,
        "end_equity": numbers.end_equity,
        "net_pnl": numbers.gained,
        "orders": numbers.orders,
        "rejected_orders": numbers.rejected_orders,
        "trades": len(numbers.closed),
        "winning_trades": sum(pnl > 0 for pnl in numbers.closed),
    }
    for metric, value in exact.items():
        assert found.get(metric, 0) == value, (name, metric)
    assert abs(found.get("trade_pnl", Decimal(0)) - sum(numbers.closed)) < Decimal("1e-12"), name
    assert math.isclose(found["max_drawdown_intraday"], numbers.max_drawdown, abs_tol=1e-12), name
    if numbers.profit_factor is None:
        assert found.get("profit_factor") is None, name
    else:
        assert math.isclose(found["profit_factor"], numbers.profit_factor, rel_tol=1e-9), name


def test_sessions_are_rebuilt_from_kafka_and_from_clickhouse(run: Settings) -> None:
    done = paper(run, "session", "rebuild", f"{run.run_id}:{STOCK_SESSION}", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    document = json.loads(done.stdout)
    assert document["equal"]
    assert set(document["differences"]) == {"clickhouse and shard", "kafka and shard", "clickhouse and kafka"}
    assert document["rebuilt"]["kafka"]["fills"] > 0

    with closing(connect(run)) as client:
        client.command("DELETE FROM fills WHERE symbol = 'AIG.US' AND account_id = 'momentum:AIG.US'")
    lost = paper(run, "session", "rebuild", f"{run.run_id}:{STOCK_SESSION}", "--from", "clickhouse")
    assert (lost.returncode, "DIFFERS" in lost.stdout, "cash: rebuilt" in lost.stdout) == (1, True, True)
    kept = paper(run, "session", "rebuild", f"{run.run_id}:{STOCK_SESSION}", "--from", "kafka")
    assert (kept.returncode, kept.stdout.split()) == (0, ["equal", "kafka", "and", "shard"])


def test_the_report_of_a_recorded_session(run: Settings, tmp_path: Path) -> None:
    listed = paper(run, "session", "list", "--json")
    sessions = {row["session_id"]: row for row in map(json.loads, listed.stdout.splitlines())}
    name = f"{run.run_id}:momentum:EURUSD.OANDA"
    assert len(sessions) == 6
    shown = paper(run, "session", "show", name, "--json")
    state = json.loads(shown.stdout)
    assert (state["equity"], state["fills"]) == (sessions[name]["equity"], sessions[name]["fills"])
    printed = paper(run, "session", "report", name)
    assert (printed.returncode, name in printed.stdout, "sharpe" in printed.stdout) == (0, True, True)

    file = tmp_path / "report.html"
    written = paper(run, "session", "report", name, "--html", str(file))
    assert written.returncode == 0, written.stderr
    opened = open_page(file, tmp_path)
    assert (opened.requests, opened.console) == ([], [])
    found = shapes(opened.dom)
    assert found["fills of EURUSD.OANDA"].marks == state["fills"]
    assert found["returns by day"].bars == found["returns by day table"].rows > 0

    unknown = paper(run, "session", "report", "nobody")
    assert (unknown.returncode, "see `paper session list`" in unknown.stderr) == (1, True)
