"""Grafana's dashboards: what is committed is what the code makes, and every panel's SQL gives rows of a session."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import yaml
from clickhouse_connect.driver.client import Client

from infra.clickhouse.client import QUERY_FOLDER
from infra.settings import REPOSITORY
from streams.evidence.dashboards import panel_sql
from streams.evidence.dashboards.generate import FOLDER, generated
from streams.evidence.metrics.compute_metrics import Conventions
from tests.evidence.dashboards.macros import expanded
from tests.evidence.reconcile.session import Session
from tests.evidence.sessions.stories import three_days

BOARDS = {"paper-desk", "paper-session", "paper-execution", "paper-risk", "paper-gate", "paper-health"}
MACROS = ("$__timeFilter", "$__timeInterval")


def documents() -> dict[str, dict[str, Any]]:
    return {path.stem: json.loads(path.read_text()) for path in sorted(FOLDER.glob("*.json"))}


def queries() -> Iterator[tuple[str, str]]:
    """A name and the SQL of every panel and variable."""
    for uid, document in documents().items():
        for panel in document["panels"]:
            yield f"{uid}: {panel['title']}", panel["targets"][0]["rawSql"]
        for variable in document["templating"]["list"]:
            yield f"{uid}: variable {variable['name']}", variable["query"]["rawSql"]


def test_the_committed_dashboards_are_what_the_code_makes() -> None:
    committed = {path.name: path.read_text() for path in FOLDER.glob("*.json")}
    assert committed == generated(), "run python -m streams.evidence.dashboards.generate"
    assert {name.removesuffix(".json") for name in committed} == BOARDS


@pytest.fixture(scope="module")
def run() -> dict[str, str]:
    """Filled once."""
    return {}


@pytest.fixture
def variables(run: dict[str, str], landed: Callable[[Session], str], client: Client) -> dict[str, str]:
    """A session with everything: fills, round trips, rejects, dead letters; and records of breakers, gate and tests."""
    if not run:
        run |= {"run_id": landed(three_days()), "account": "A", "session": "session-1"}
        add_records(client, run["run_id"])
    return run


def add_records(client: Client, run_id: str) -> None:
    at = datetime(2023, 11, 14, 22, 14, tzinfo=UTC)
    place = {"run_id": run_id, "partition": 0, "offset": 1_000_000, "kafka_timestamp": at, "ts": at}
    breaker = {"event_id": "a0-b", "kind": "BREAKER_TRANSITION", "breaker": "daily_loss", "breaker_state": "OPEN"}
    insert(client, "risk_events", place | breaker | {"account_id": "A", "session_id": "session-1", "text": "opened"})
    halt = {"control_id": "halt", "kind": "TRADING_STATE", "account_id": "A", "trading_state": "HALTED"}
    insert(client, "controls", place | halt | {"actor": "operator", "reason": "test"})
    decision = {
        "decision_id": "d",
        "strategy_id": "s1",
        "kind": "EVALUATED",
        "level": "LIMITED_LIVE",
        "criteria": "[]",
    }
    insert(client, "gate_decisions", place | decision | {"criteria_sha256": "c", "evidence_sha256": "e"})
    insert(client, "test_results", place | {"suite": "tests", "case": "t", "status": "PASSED"})
    letter: dict[str, Any] = {
        "topic": "dlq.orders",
        "record_value": "x",
        "source_topic": "orders",
        "stage": "shard",
        "message": "m",
    }
    letter |= {"source_partition": 0, "source_offset": 1, "error_class": "NOT_READABLE", "headers": {}}
    insert(client, "dead_letters", {name: value for name, value in place.items() if name != "ts"} | letter)


def insert(client: Client, table: str, row: dict[str, Any]) -> None:
    client.insert(table, [list(row.values())], column_names=list(row))


@pytest.mark.parametrize(("name", "query"), [pytest.param(*item, id=item[0]) for item in queries()])
def test_every_query_gives_rows(name: str, query: str, variables: dict[str, str], client: Client) -> None:
    rows = client.query(expanded(query, variables)).result_rows
    assert rows, f"{name} gives no rows"
    assert any(value is not None for row in rows for value in row), f"{name} gives nothing that is defined"


def test_curves_have_a_time_and_tables_say_that_they_are() -> None:
    for uid, document in documents().items():
        for panel in document["panels"]:
            (target,) = panel["targets"]
            assert target["datasource"] == panel["datasource"] == source(), (uid, panel["title"])
            is_curve = panel["type"] == "timeseries"
            assert (target["format"], target["queryType"]) == ((0, "timeseries") if is_curve else (1, "table"))
            assert not is_curve or any(macro in target["rawSql"] for macro in MACROS), panel["title"]


def source() -> dict[str, str]:
    """The data source as it is provisioned."""
    file = REPOSITORY / "infra/grafana/provisioning/datasources/clickhouse.yml"
    (found,) = yaml.safe_load(file.read_text())["datasources"]
    return {"type": found["type"], "uid": found["uid"]}


def test_the_folder_is_provisioned_from_where_the_files_are_mounted() -> None:
    (provider,) = yaml.safe_load((FOLDER / "dashboards.yml").read_text())["providers"]
    compose = yaml.safe_load((REPOSITORY / "docker-compose.yml").read_text())
    (mount,) = [item for item in compose["services"]["grafana"]["volumes"] if item.startswith("./")]
    here, there, _ = mount.split(":")
    assert REPOSITORY / here / FOLDER.relative_to(REPOSITORY / here) == FOLDER
    assert provider["options"]["path"] == f"{there}/{FOLDER.name}"
    assert provider["folder"] == "Paper Trading"


def test_panels_follow_the_conventions_of_the_command_line() -> None:
    for name, value in Conventions()._asdict().items():
        assert panel_sql.CONVENTIONS[name] == value, name


def test_every_metric_query_is_on_a_dashboard() -> None:
    """FIFO lots are the command line's alone: a dashboard shows round trips."""
    shown = "\n".join(query for _, query in queries())
    for path in QUERY_FOLDER.glob("metrics_*.sql"):
        first_line = path.read_text().splitlines()[0]
        assert (first_line in shown) == (path.stem != "metrics_lots"), path.name
