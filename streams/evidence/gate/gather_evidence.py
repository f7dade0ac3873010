"""Gathers the evidence: runs the gate's queries over a strategy's records in ClickHouse."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from clickhouse_connect.driver.client import Client

from schemas.records.numbers import plain
from streams.errors import InputError
from streams.evidence.cut import Cut
from streams.evidence.gate.count_trials import SESSION, Trials, count_trials, related
from streams.evidence.gate.criteria import Criteria, case_of
from streams.evidence.gate.decision import Evidence
from streams.evidence.metrics.compute_metrics import MetricScope, metric_rows
from streams.evidence.metrics.conventions import Conventions
from streams.evidence.query_rows import query_rows

METRICS = ("metrics_returns", "metrics_costs", "metrics_trades", "metrics_orders", "mock_fills")
QUERIES = (
    "gate_regimes",
    "gate_concentration",
    "gate_stress",
    "gate_orders",
    "gate_breakers",
    "gate_data",
    "gate_economics",
    "gate_sources",
    "gate_forward",
)


def gather_evidence(
    client: Client, cut: Cut, strategy_id: str, criteria: Criteria, as_of_ns: int, commit: str | None
) -> Evidence:
    """Gathers the evidence on a strategy. cut: at which the client reads. Raises ClickHouseError."""
    config, run_id = criteria.evidence, cut.run_id
    parameters: dict[str, Any] = {"run_id": run_id, "strategy_id": strategy_id}
    tried = tried_by(client, strategy_id, config.time_zone)
    conventions = Conventions(
        time_zone=config.time_zone,
        annualisation=config.annualisation,
        confidence=config.confidence,
        trials=tried.trials,
        trials_variance=tried.trials_variance,
    )
    counted = {"trials": tried.trials, "trials_variance": tried.trials_variance}
    parameters |= config.model_dump(mode="json") | counted | {"days": config.breaker_days}
    scope = MetricScope("strategy", strategy_id)
    parameters["named"] = [case_of(test) for suite in criteria.suite for test in suite.tests]
    rows = {"gate_trials": [tried._asdict()], "gate_suites": plain_rows(client, "gate_suites", parameters)}
    rows |= {query: _plain(metric_rows(client, query, run_id, scope, conventions)) for query in METRICS}
    rows |= {query: plain_rows(client, query, parameters) for query in QUERIES}
    return Evidence(strategy_id, as_of_ns, commit, rows, cut.name)


def tried_by(client: Client, strategy_id: str, time_zone: str) -> Trials:
    """Counts the trials of a strategy over all runs. Raises ClickHouseError."""
    rows = related(plain_rows(client, "gate_trials", {}), strategy_id)
    runs = sorted({row["run_id"] for row in rows if row["source"] == SESSION})
    ratios = [
        row for run in runs for row in plain_rows(client, "gate_variants", {"run_id": run, "time_zone": time_zone})
    ]
    return count_trials(rows, ratios, strategy_id)


def demand_session(client: Client, run_id: str, strategy_id: str) -> None:
    """Demands that a strategy has had a session, so that no decision is recorded on a mistyped name.

    Raises InputError, which names the strategies that have had one, and ClickHouseError.
    """
    known = [row["strategy_id"] for row in plain_rows(client, "gate_strategies", {"run_id": run_id})]
    if strategy_id not in known:
        listed = ", ".join(known) or "none"
        raise InputError(
            f"strategy {strategy_id!r} has no session in run {run_id}, so there is nothing to decide; known "
            f"strategies: {listed}. If it has just begun, `paper status` shows whether the sink has caught up"
        )


def plain_rows(client: Client, query: str, parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Returns the rows of a query as plain JSON values. Raises ClickHouseError."""
    return _plain(query_rows(client, query, parameters, f"strategy {parameters.get('strategy_id')}"))


def _plain(rows: Any) -> list[dict[str, Any]]:
    return [{name: _value(value) for name, value in row.items()} for row in rows]


def _value(value: Any) -> Any:
    if isinstance(value, Decimal):
        return plain(value)
    return value.isoformat() if isinstance(value, date) else value
