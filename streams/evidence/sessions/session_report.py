"""What a session's report shows, read from ClickHouse by the shared queries."""

from dataclasses import dataclass
from typing import Any

from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError as DriverError

from infra.clickhouse.client import query_file
from infra.errors import ClickHouseError
from streams.evidence.metrics.compute_metrics import MetricValue, metric_rows, metric_values, session_scope
from streams.evidence.metrics.conventions import Conventions

Row = dict[str, Any]
LINE_POINTS = 600
"""Of a curve: more would fall on the same pixels."""
FILLS_MAX = 2_000
"""Fills that a chart marks one by one."""


@dataclass(frozen=True, slots=True)
class SessionReport:
    """Rows of the queries of the same names; amounts are Decimal. session: of sessions.sql."""

    run_id: str
    session: Row
    conventions: Conventions
    equity: list[Row]
    fills: list[Row]
    marks: list[Row]
    days: list[Row]
    costs: list[Row]
    total_costs: Row
    rejects: list[Row]
    positions: list[Row]
    metrics: list[MetricValue]

    @property
    def fills_in_all(self) -> int:
        """Fills of the session, those that no chart marks too."""
        return self.fills[0]["all"] if self.fills else 0

    @property
    def symbols(self) -> list[str]:
        """What was traded."""
        return sorted({row["symbol"] for row in self.fills})


def read_report(client: Client, run_id: str, session: Row, conventions: Conventions) -> SessionReport:
    """The report of a session of streams.evidence.sessions.find_session. Raises ClickHouseError."""
    scope = session_scope(client, run_id, session["session_id"], session["account_id"])
    named = {"run_id": run_id, "account_id": session["account_id"], "session_id": session["session_id"]}

    def metrics(query: str, by: str = "") -> list[Row]:
        rows = metric_rows(client, query, run_id, scope, conventions, by)
        return [row for row in rows if row["currency"] == session["currency"]]

    return SessionReport(
        run_id,
        session,
        conventions,
        equity=_rows(client, "session_equity", named | {"points": LINE_POINTS}),
        fills=_rows(client, "session_fills", named | {"points": FILLS_MAX}),
        marks=_rows(client, "session_marks", named | {"points": LINE_POINTS}),
        days=metrics("metrics_days"),
        costs=metrics("metrics_costs", "instrument"),
        total_costs=next(iter(metrics("metrics_costs")), {}),
        rejects=metrics("metrics_rejects"),
        positions=metrics("metrics_positions"),
        metrics=list(metric_values(client, run_id, scope, conventions)),
    )


def _rows(client: Client, query: str, parameters: Row) -> list[Row]:
    try:
        return list(client.query(query_file(query), parameters=parameters).named_results())
    except DriverError as error:
        raise ClickHouseError(f"query {query}: {error}") from error
