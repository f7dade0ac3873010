"""Sessions of one name in several accounts: their numbers are never mixed, and asking for the name alone fails."""

from __future__ import annotations

import json
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from clickhouse_connect.driver.client import Client

from infra.settings import Settings
from streams.errors import InputError
from streams.evidence.metrics.compute_metrics import MetricScope, metric_rows, session_scope
from streams.evidence.metrics.conventions import Conventions
from streams.evidence.metrics.metric_catalog import BREAKDOWNS
from tests.end_to_end.processes import paper
from tests.evidence.metrics.rows import FIRST_DAY, fill, insert, session

Rows = list[dict[str, Any]]


@pytest.fixture
def namesakes(client: Client, run_id: str) -> str:
    """Inserts two accounts with a session s each, with other numbers, and one account with a unique session."""
    for number, (account, name) in enumerate((("A", "s"), ("B", "s"), ("A", "own")), 1):
        whose: dict[str, Any] = {"account_id": account, "session_id": name}
        insert(client, "account_equity", session(run_id, 100, [100 + number], gross_exposure=Decimal(50), **whose))
        done = [
            fill(run_id, side, number, 10, FIRST_DAY + timedelta(seconds=second), **whose, order_id=f"{name}-{second}")
            | {"position_qty": Decimal(number * (1 - second)), "commission": Decimal(number)}
            for second, side in enumerate(("BUY", "SELL"))
        ]
        insert(client, "fills", done)
        answer = whose | {"run_id": run_id, "order_id": f"{name}-0", "source": "EXECUTION", "ts": FIRST_DAY}
        insert(client, "order_results", [answer | {"exec_type": "NEW"}] * number + [answer | {"exec_type": "REJECTED"}])
        insert(client, "orders", [{"run_id": run_id, "account_id": account, "order_id": f"{name}-0", "action": "NEW"}])
        tripped = {"run_id": run_id, "kind": "BREAKER_TRANSITION", "breaker_state": "OPEN", "ts": FIRST_DAY}
        insert(client, "risk_events", [tripped | whose] * number)
    return run_id


def rows_of(client: Client, run_id: str, query: str, ident: str) -> Rows:
    return metric_rows(client, query, run_id, MetricScope("session", ident), Conventions())


@pytest.mark.parametrize("query", BREAKDOWNS)
def test_each_is_asked_for_and_told_apart_with_its_account(client: Client, namesakes: str, query: str) -> None:
    everything = rows_of(client, namesakes, query, "")
    assert [row["scope_id"] for row in everything] == ["A/s", "B/s", "own"]
    assert rows_of(client, namesakes, query, "s") == []
    for row in everything:
        assert rows_of(client, namesakes, query, row["scope_id"]) == [row]
    assert rows_of(client, namesakes, query, "A/own") == [everything[2]]
    assert rows_of(client, namesakes, query, "B/own") == []


def test_their_numbers_are_their_own(client: Client, namesakes: str) -> None:
    fees = {row["scope_id"]: row["fees"] for row in rows_of(client, namesakes, "metrics_costs", "")}
    ends = {row["scope_id"]: row["end_equity"] for row in rows_of(client, namesakes, "metrics_returns", "")}
    assert fees == {"A/s": 2, "B/s": 4, "own": 6}
    assert ends == {"A/s": 101, "B/s": 102, "own": 103}


def test_a_name_of_several_accounts_is_an_error_that_names_them(
    client: Client, namesakes: str, metrics_settings: Settings
) -> None:
    with pytest.raises(InputError, match="session s: accounts A, B have one of this name; choose with --account"):
        session_scope(client, namesakes, "s")
    assert session_scope(client, namesakes, "own") == MetricScope("session", "own")
    show = ("metrics", "show", "--run-id", namesakes, "--session", "s")
    refused = paper(metrics_settings, *show)
    assert (refused.returncode, "accounts A, B" in refused.stderr) == (1, True)
    shown = paper(metrics_settings, *show, "--account", "B", "--json")
    values = {row["name"]: row["value"] for row in map(json.loads, shown.stdout.splitlines())}
    assert (values["end_equity"], values["fees"]) == ("102", "4")
    assert paper(metrics_settings, *show, "--strategy", "st").returncode == 2
