"""`paper reconcile` over a real worker and sink: its output and exit codes."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from infra.clickhouse.client import connect
from infra.settings import Settings
from tests.end_to_end.desk import Desk, immediate
from tests.end_to_end.processes import paper, running
from tests.stacks import free_port


@pytest.fixture
def traded(pipeline_settings: Settings, tmp_path: Path) -> Settings:
    """Yields a pipeline at rest: its worker is stopped and its sink done."""
    settings = pipeline_settings.model_copy(update={"mock_trading": False})
    desk = Desk(settings)
    with running(settings, tmp_path, "sink"):
        with running(settings, tmp_path, "worker") as worker:
            desk.open_account("A")
            desk.quote(0)
            desk.send_bytes("orders", b"A", b"garbage")
            desk.trade([immediate(f"o-{number}", "A") for number in range(3)])
            desk.trade([immediate("refused", "B")])
            assert worker.stop() == 0
        # It lies in a wrong partition until a worker forwards it.
        desk.send("orders", "A", immediate("late", "A"))
        desk.flush()
        assert report_of(settings, 0)["passed"]
    return settings


def report_of(settings: Settings, code: int) -> dict[str, Any]:
    done = paper(settings, "reconcile", "--json", "--wait", "60" if code == 0 else "0")
    assert done.returncode == code, f"{done.stdout}\n{done.stderr}"
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def test_exit_codes_and_what_is_printed(traded: Settings) -> None:
    report = report_of(traded, 0)
    assert all(check["passed"] and check["differences"] == [] for check in report["checks"])
    assert {check["source"] for check in report["checks"]} == {"kafka", "clickhouse"}
    assert report["counts"] == {
        "requests": 5,
        "orders": 4,
        "closing_orders": 0,
        "working_orders": 0,
        "on_their_way": 1,
        "duplicates": 0,
        "forwarded": report["counts"]["forwarded"],
        "fills": 3,
        "dead_letters": 1,
    }
    assert report["dead_letters"] == {"dlq.orders": 1}, "of the shard alone"

    with closing(connect(traded)) as client:
        client.command("DELETE FROM fills WHERE order_id = 'o-1'")
    report = report_of(traded, 1)
    failed = {check["name"]: check["differences"] for check in report["checks"] if not check["passed"]}
    assert "fills: records without a row: 1" in failed["rows = records of every topic, nothing twice"][0]
    assert "executions and fills are one to one" in failed
    assert {check["source"] for check in report["checks"] if not check["passed"]} == {"clickhouse"}
    printed = paper(traded, "reconcile", "--wait", "0")
    assert (printed.returncode, "DIFFERS" in printed.stdout, "NOT reconciled" in printed.stdout) == (1, True, True)

    away = traded.model_copy(update={"clickhouse_url": f"http://127.0.0.1:{free_port()}"})
    refused = paper(away, "reconcile", "--wait", "0")
    assert (refused.returncode, "error: ClickHouse at" in refused.stderr) == (2, True)


def test_a_pipeline_without_a_record_is_not_reconciled(pipeline_settings: Settings) -> None:
    done = paper(pipeline_settings, "reconcile", "--wait", "0")
    assert (done.returncode, done.stdout) == (2, "")
    assert f"neither the topics with prefix '{pipeline_settings.topic_prefix}' nor the rows" in done.stderr
    verified = paper(pipeline_settings, "replay", "verify", "--session", "nosuch")
    assert verified.returncode == 2
    assert "nothing was compared" in verified.stderr
