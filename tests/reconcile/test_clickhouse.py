"""The SQL checks on real rows: a clean session passes, each fault planted in ClickHouse is found."""

from __future__ import annotations

import re
from contextlib import closing
from pathlib import Path

import pytest
from clickhouse_connect.driver.client import Client

from infra.clickhouse.client import connect
from infra.settings import Settings
from streams.domain.config import TimeSource
from streams.reconcile import reconcile
from streams.reconcile.clickhouse_checks import query_checks
from tests.pipeline.desk import Desk, immediate
from tests.pipeline.processes import running

MUTATE = {"mutations_sync": 2}
FAULTS = {
    "better": (
        "ALTER TABLE fills UPDATE price = price - toDecimal64('0.01', 9) "
        "WHERE exec_id = (SELECT min(exec_id) FROM fills)",
        "every fill lies inside the quote in force, or deeper",
    ),
    "cash": (
        "ALTER TABLE fills UPDATE cash = cash + toDecimal128('0.000000000000000001', 18) "
        "WHERE exec_id = (SELECT max(exec_id) FROM fills)",
        "cash = opening cash + cash flows - fees",
    ),
    "position": (
        "ALTER TABLE positions UPDATE quantity = quantity + toDecimal64('0.000000001', 9) WHERE 1",
        "position = sum of fills",
    ),
    "equity": (
        "ALTER TABLE account_equity UPDATE equity = equity + toDecimal128('0.000000000000000001', 18) WHERE 1",
        "equity = cash + position value, drawdown from its peak",
    ),
    "quantity": (
        "ALTER TABLE executions UPDATE cum_qty = cum_qty + toDecimal64('0.000000001', 9) WHERE 1",
        "executed quantity is the sum of fills, within the order",
    ),
    "lost fill": (
        "ALTER TABLE fills DELETE WHERE exec_id = (SELECT max(exec_id) FROM fills)",
        "executions and fills are one to one",
    ),
    "lost answer": ("ALTER TABLE order_results DELETE WHERE 1", "every order has one terminal result or is working"),
    "doubled": (
        "INSERT INTO risk_events SELECT * REPLACE (offset + 100000 AS offset) FROM risk_events LIMIT 1",
        "every id is there once",
    ),
}


@pytest.fixture
def traded(pipeline_settings: Settings, tmp_path: Path) -> Settings:
    settings = pipeline_settings.model_copy(update={"mock_trading": False})
    desk = Desk(settings)
    with running(settings, tmp_path, "sink"):
        with running(settings, tmp_path, "worker") as worker:
            desk.open_account("A")
            desk.quote(0)
            desk.trade([immediate(f"o-{number}", "A") for number in range(3)])
            desk.trade([immediate("refused", "B")])
            assert worker.stop() == 0
        assert reconcile(settings).passed
    return settings


def failing(client: Client, settings: Settings) -> set[str]:
    return {check.name for check in query_checks(client, settings.run_id, TimeSource.EVENT) if not check.passed}


def test_every_fault_planted_in_clickhouse_is_found(traded: Settings) -> None:
    with closing(connect(traded)) as client:
        assert failing(client, traded) == set()
        missed = []
        for name, (fault, check) in FAULTS.items():
            table = re.split(r"ALTER TABLE |INSERT INTO ", fault)[1].split()[0]
            client.command(f"CREATE OR REPLACE TABLE kept AS {table}")
            client.command(f"INSERT INTO kept SELECT * FROM {table}")
            client.command(fault, settings=MUTATE)
            if check not in failing(client, traded):
                missed.append(name)
            client.command(f"TRUNCATE TABLE {table}")
            client.command(f"INSERT INTO {table} SELECT * FROM kept", settings={"insert_deduplicate": 0})
            assert failing(client, traded) == set(), name
        assert missed == []
        client.command("ALTER TABLE fills DELETE WHERE offset = (SELECT min(offset) FROM fills)", settings=MUTATE)
    report = reconcile(traded, wait_s=0)
    assert any("fills: records without a row: 1" in text for check in report.checks for text in check.differences)
