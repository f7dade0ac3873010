"""Each metric is defined once: the catalog, its query and the output of the commands agree."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from clickhouse_connect.driver.client import Client

from infra.clickhouse.client import QUERY_FOLDER, query_file
from infra.settings import Settings
from schemas.records.numbers import MONEY_SCALE
from streams.evidence.metrics.compute_metrics import MetricScope, metric_values
from streams.evidence.metrics.conventions import Conventions
from streams.evidence.metrics.metric_catalog import BREAKDOWNS, KEYS, METRICS
from tests.end_to_end.processes import paper
from tests.evidence.metrics.rows import insert, session
from tests.evidence.reconcile.session import Session, land, traded_session

LISTS = {"metrics_round_trips", "metrics_lots", "metrics_positions"}


def test_names_are_given_once() -> None:
    names = [metric.name for metric in METRICS]
    assert len(set(names)) == len(names)
    assert {metric.query for metric in METRICS} == BREAKDOWNS.keys()


def test_every_query_file_is_in_the_catalog() -> None:
    assert {path.stem for path in QUERY_FOLDER.glob("metrics_*.sql")} == BREAKDOWNS.keys() | LISTS


@pytest.mark.parametrize("query", BREAKDOWNS)
def test_columns_are_the_catalogs_metrics(client: Client, run_id: str, query: str) -> None:
    parameters = {"run_id": run_id, "scope": "session", "scope_id": "", "by": "", **Conventions()._asdict()}
    described = client.query(f"DESCRIBE (\n{query_file(query)}\n)", parameters=parameters)
    columns = [row[0] for row in described.result_rows]
    assert [name for name in columns if name not in KEYS] == [m.name for m in METRICS if m.query == query]


@pytest.mark.parametrize("query", sorted(BREAKDOWNS.keys() | LISTS))
def test_a_query_says_its_conventions(query: str) -> None:
    lines = query_file(query).splitlines()
    assert lines[0].startswith("-- ")
    assert "run_id = {run_id:String}" in query_file(query)


def test_money_is_exact(client: Client, run_id: str) -> None:
    insert(
        client, "account_equity", session(run_id, "0.000000000000000001", ["98765432101234567890.123456789012345678"])
    )
    values = {
        item.name: item.value for item in metric_values(client, run_id, MetricScope("session", "s"), Conventions())
    }
    assert values["net_pnl"] == Decimal("98765432101234567890.123456789012345677")


def test_a_session_of_the_pipeline(client: Client, metrics_settings: Settings, run_id: str) -> None:
    """The metrics of account A equal numbers computed by hand from its records."""
    story = traded_session()
    land(story, metrics_settings.model_copy(update={"run_id": run_id}))
    values = {
        item.name: item.value for item in metric_values(client, run_id, MetricScope("account", "A"), Conventions())
    }
    fills = [fill for fill in records(story, "fills") if fill.account_id == "A"]
    results = [result for result in records(story, "order.results") if result.account_id == "A"]
    equity = [record for record in records(story, "account.equity") if record.account_id == "A"]
    assert values["fills"] == len(fills) > 0
    assert to_int(values["fees"]) == sum(fill.commission for fill in fills)
    assert to_int(values["traded_value"]) == sum(fill.notional for fill in fills)
    assert to_int(values["realised_pnl"]) == sum(fill.realised_pnl for fill in fills)
    assert to_int(values["net_pnl"]) == equity[-1].equity - equity[0].equity
    rejected = [result for result in results if result.exec_type == "REJECTED"]
    assert values["rejected_orders"] == len(rejected) > 0
    assert values["orders"] == len(rejected) + sum(result.exec_type == "NEW" for result in results)
    by_reason = metric_values(client, run_id, MetricScope("account", "A"), Conventions(), "reason")
    counted = {item.part: item.value for item in by_reason if item.name == "rejects_of_reason"}
    assert counted == {reason: sum(r.reason_code == reason for r in rejected) for reason in counted}
    assert sum(counted.values()) == len(rejected)


def records(story: Session, topic: str) -> list[Any]:
    logs = [log for (name, _), log in sorted(story.log.partitions.items()) if name == topic]
    return [story.codec.decode(topic, record.value or b"") for log in logs for record in log]


def to_int(value: Decimal) -> int:
    return int(value * MONEY_SCALE)


def test_the_list_for_people_and_scripts(metrics_settings: Settings) -> None:
    listed = paper(metrics_settings, "metrics", "list", "--json")
    assert [json.loads(line)["name"] for line in listed.stdout.splitlines()] == [metric.name for metric in METRICS]
    assert "time_weighted_drawdown" in paper(metrics_settings, "metrics", "list").stdout


def test_show_prints_what_is_asked_for(client: Client, metrics_settings: Settings, run_id: str) -> None:
    insert(client, "account_equity", session(run_id, 100, [110, 99]))
    run = ("--run-id", run_id)
    shown = paper(metrics_settings, "metrics", "show", "--session", "s", *run, "--json")
    values = {row["name"]: row["value"] for row in map(json.loads, shown.stdout.splitlines())}
    assert (values["net_pnl"], values["max_drawdown"]) == ("-1", pytest.approx(-0.1))
    assert values["dsr"] is None
    table = paper(metrics_settings, "metrics", "show", "--strategy", "st", *run, "--by", "day").stdout
    assert "2024-01-03" in table
    assert "USD" in table
    whole = paper(metrics_settings, "metrics", "show", "--session", "s", *run).stdout
    lines = {line.split()[1]: line.split()[2:] for line in whole.splitlines() if line.split()[:1] == ["s"]}
    assert lines["max_drawdown"] == ["-10.000", "%"], "a share in percent, as in the report"
    assert lines["sharpe"] == ["–", "2", "of", "30", "daily", "returns"]  # noqa: RUF001
    assert lines["net_pnl"] == ["-1.00", "USD"]
    nobody = paper(metrics_settings, "metrics", "show", "--account", "nobody", *run)
    assert (nobody.returncode, "no records" in nobody.stderr) == (1, True)
    assert paper(metrics_settings, "metrics", "show", *run).returncode == 2
    zone = paper(metrics_settings, "metrics", "show", "--session", "s", *run, "--time-zone", "Nowhere/Here")
    assert (zone.returncode, "Nowhere/Here" in zone.stderr) == (1, True)
