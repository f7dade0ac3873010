"""Grafana's dashboards: the committed files are those that the code makes, and every panel shows rows of a session."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any, NamedTuple

import pytest
import yaml
from clickhouse_connect.driver.client import Client

from infra.clickhouse.client import QUERY_FOLDER
from infra.settings import REPOSITORY
from streams.evidence.dashboards import panel_sql
from streams.evidence.dashboards.generate import FOLDER, generated
from streams.evidence.metrics.conventions import Conventions
from tests.evidence.dashboards.macros import expanded
from tests.evidence.reconcile.session import Session
from tests.evidence.sessions.stories import three_days

BOARDS = {"paper-desk", "paper-session", "paper-execution", "paper-risk", "paper-gate", "paper-health"}
MACROS = ("$__timeFilter", "$__timeInterval")


def documents() -> dict[str, dict[str, Any]]:
    return {path.stem: json.loads(path.read_text()) for path in sorted(FOLDER.glob("*.json"))}


class Shown(NamedTuple):
    """A panel or variable. target: the query whose rows it shows; fields: the columns that it shows, empty for all."""

    name: str
    target: dict[str, Any]
    fields: tuple[str, ...] = ()


def shown() -> Iterator[Shown]:
    """Yields every panel and variable."""
    for uid, document in documents().items():
        panels = {panel["id"]: panel for panel in document["panels"]}
        for panel in panels.values():
            (target,) = panel["targets"]
            sender = panels[target["panelId"]] if "panelId" in target else panel
            yield Shown(f"{uid}: {panel['title']}", sender["targets"][0], fields_of(panel))
        for variable in document["templating"]["list"]:
            yield Shown(f"{uid}: variable {variable['name']}", variable["query"])


def fields_of(panel: dict[str, Any]) -> tuple[str, ...]:
    if panel["type"] == "stat":
        name = re.fullmatch(r"/\^(\w+)\$/", panel["options"]["reduceOptions"]["fields"])
        assert name is not None
        return (name[1],)
    for transformation in panel["transformations"]:
        assert transformation["id"] == "filterFieldsByName"
        return tuple(transformation["options"]["include"]["names"])
    return ()


def test_the_committed_dashboards_are_what_the_code_makes() -> None:
    committed = {path.name: path.read_text() for path in FOLDER.glob("*.json")}
    assert committed == generated(), "run python -m streams.evidence.dashboards.generate"
    assert {name.removesuffix(".json") for name in committed} == BOARDS


@pytest.fixture(scope="module")
def run() -> dict[str, str]:
    """Returns the variables of the run, filled once for all tests."""
    return {}


@pytest.fixture
def variables(run: dict[str, str], landed: Callable[[Session], str], client: Client) -> dict[str, str]:
    """Lands a session with fills, round trips, rejects and dead letters, and records of breakers, gate and tests."""
    if not run:
        run |= {"run_id": landed(three_days()), "account": "A", "session": "session-1"}
        add_records(client, run["run_id"])
    return run


FURTHER_DAYS = """INSERT INTO account_equity
SELECT * EXCEPT (number)
    REPLACE (ts + toIntervalDay(number) AS ts, equity + number % 3 AS equity, offset + 1000 + number AS offset)
FROM (
    SELECT * FROM account_equity
    WHERE run_id = {run_id:String} AND account_id = 'A' AND `trigger` = 'INTERVAL'
    ORDER BY offset DESC LIMIT 1
) AS last
CROSS JOIN numbers(1, 40) AS days"""
"""Further days of account A, because an annual ratio of a few days is undefined."""


def add_records(client: Client, run_id: str) -> None:
    client.command(FURTHER_DAYS, parameters={"run_id": run_id})
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


@pytest.mark.parametrize("item", [pytest.param(item, id=item.name) for item in shown()])
def test_every_panel_shows_rows(item: Shown, variables: dict[str, str], client: Client) -> None:
    result = client.query(expanded(item.target["rawSql"], variables))
    assert result.result_rows, f"{item.name} has no rows"
    for name in item.fields or result.column_names:
        assert name in result.column_names, f"{item.name} shows {name}, which its query does not select"
    columns = item.fields or tuple(result.column_names)
    values = [row[name] for row in result.named_results() for name in columns if name != "time"]
    assert any(value is not None for value in values), f"{item.name} shows nothing that is defined"


LATER = datetime(2033, 1, 1, tzinfo=UTC), datetime(2033, 1, 2, tzinfo=UTC)
"""A day long after all data, as today is for a recorded market."""
OF_MARKET_TIME = [item for item in shown() if not item.name.startswith(("paper-health", "paper-gate"))]


@pytest.mark.parametrize("item", [pytest.param(item, id=item.name) for item in OF_MARKET_TIME])
def test_a_market_of_years_ago_does_not_open_empty(item: Shown, variables: dict[str, str], client: Client) -> None:
    rows = client.query(expanded(item.target["rawSql"], variables, *LATER)).result_rows
    assert rows, f"{item.name} has no rows outside the dashboard's range"


def test_within_the_range_only_its_data_are_shown(variables: dict[str, str], client: Client) -> None:
    (item,) = [item for item in shown() if item.name == "paper-desk: Equity by account"]
    whole = client.query(expanded(item.target["rawSql"], variables)).result_rows
    first, last = whole[0][0].replace(tzinfo=UTC), whole[-1][0].replace(tzinfo=UTC)
    part = client.query(expanded(item.target["rawSql"], variables, first, first + (last - first) / 2)).result_rows
    assert 0 < len(part) < len(whole)


def test_a_command_is_shown_once_by_the_time_it_was_given(variables: dict[str, str], client: Client) -> None:
    given, market = datetime(2026, 1, 2, tzinfo=UTC), datetime(2013, 10, 9, tzinfo=UTC)
    run = {**variables, "run_id": "commands"}
    for number, account in enumerate(("B", "A")):
        row = {"run_id": "commands", "partition": 0, "offset": number, "kafka_timestamp": given, "ts": market}
        row |= {"event_id": f"e{number}", "control_id": "k", "kind": "KILLED", "account_id": account}
        insert(client, "risk_events", row | {"actor": "anna", "reason": "too fast", "text": "killed"})
    (item,) = [item for item in shown() if item.name == "paper-risk: What operators did"]
    (row,) = client.query(expanded(item.target["rawSql"], run)).named_results()
    shown_row: dict[str, Any] = dict(row)
    assert shown_row["at"].replace(tzinfo=UTC) == given
    assert (shown_row["who"], shown_row["why"], shown_row["accounts"]) == ("anna", "too fast", ["A", "B"])


def test_sums_of_money_name_their_currency(variables: dict[str, str], client: Client) -> None:
    sums = [item for item in shown() if re.search(r"\bsum\((equity|net_pnl|fees)\)", item.target.get("rawSql", ""))]
    assert sums
    for item in sums:
        assert "currency" in client.query(expanded(item.target["rawSql"], variables)).column_names, item.name
    for document in documents().values():
        for panel in document["panels"]:
            if panel["type"] == "stat" and panel["options"]["reduceOptions"]["calcs"] == ["sum"]:
                field = panel["options"]["reduceOptions"]["fields"]
                assert not re.search("equity|pnl|fees|cash|notional", field), panel["title"]


def test_time_series_have_a_time_and_tables_say_that_they_are() -> None:
    for uid, document in documents().items():
        panels = {panel["id"]: panel for panel in document["panels"]}
        for panel in panels.values():
            (target,) = panel["targets"]
            sender = panels[target["panelId"]] if "panelId" in target else panel
            (query,) = sender["targets"]
            assert target["datasource"] == panel["datasource"], (uid, panel["title"])
            assert query["datasource"] == sender["datasource"] == source(), (uid, sender["title"])
            is_series = panel["type"] == "timeseries"
            assert (query["format"], query["queryType"]) == ((0, "timeseries") if is_series else (1, "table"))
            is_whole = uid == "paper-session"
            assert not is_series or is_whole or any(macro in query["rawSql"] for macro in MACROS), panel["title"]


def test_a_query_runs_once_for_all_panels_that_show_it() -> None:
    for uid, document in documents().items():
        queries = [panel["targets"][0]["rawSql"] for panel in document["panels"] if panel["datasource"] == source()]
        assert len(queries) == len(set(queries)), uid
        for path in QUERY_FOLDER.glob("*.sql"):
            breakdowns = [query for query in queries if path.read_text().splitlines()[0] in query]
            filled = {query.partition("FROM\n(\n")[2] for query in breakdowns}
            assert len(filled) == len(breakdowns), f"{uid} runs {path.name} twice with the same parameters"


def test_a_panel_without_a_query_reads_one_that_has() -> None:
    """The form is that of Grafana's Dashboard data source: the id of the panel whose rows are read, as they come."""
    other_panel = {"type": "datasource", "uid": "-- Dashboard --"}
    readers = 0
    for document in documents().values():
        panels = {panel["id"]: panel for panel in document["panels"]}
        for panel in panels.values():
            (target,) = panel["targets"]
            if "rawSql" not in target:
                readers += 1
                assert panel["datasource"] == other_panel
                sender = target.pop("panelId")
                assert target == {"datasource": other_panel, "refId": "A", "withTransforms": False}
                assert "rawSql" in panels[sender]["targets"][0]
    assert readers


def source() -> dict[str, str]:
    """Returns the data source as it is provisioned."""
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
        assert panel_sql.DEFAULT_PARAMETERS[name] == value, name


def test_every_metric_query_is_on_a_dashboard() -> None:
    """Only the command line shows FIFO lots; a dashboard shows round trips."""
    texts = "\n".join(item.target["rawSql"] for item in shown())
    for path in QUERY_FOLDER.glob("metrics_*.sql"):
        first_line = path.read_text().splitlines()[0]
        assert (first_line in texts) == (path.stem != "metrics_lots"), path.name
